import { describe, expect, it } from "@jest/globals";
import { type GcsLakeOptions, gcsLake } from "../../lake/gcs.ts";
import { readWhole } from "../../lake/lake.ts";
import { lakeConformance } from "../conformance/lake.ts";
import { manualClock } from "../manual-clock.ts";
import { type Asked, multipartOf, problem } from "./gcs-bucket.ts";
import { type GcsServer, gcsServer } from "./gcs-server.ts";

lakeConformance("Cloud Storage, answered in memory", async (setup) => {
  const { endpoint } = await gcsServer();
  return gcsLake({ bucket: "b", endpoint, ...setup });
});

const lakeOn = ({ endpoint }: GcsServer, options: Partial<GcsLakeOptions> = {}) =>
  gcsLake({ bucket: "b", endpoint, retry: { firstWaitMs: 1 }, ...options });

const bytes = (value: string) => Buffer.from(value);
const isUpload = ({ path }: Asked) => path.startsWith("/upload/");
const isMethod = (wanted: string) => (asked: Asked) => asked.method === wanted;
const uploadsTo = (server: GcsServer) => server.requests.filter(isUpload);
const overloaded = problem(503, "backendError", "Try again");

describe("creating on Cloud Storage", () => {
  it("asks for a new object only, with the checksum of its bytes, in one request", async () => {
    const server = await gcsServer();
    await lakeOn(server).create("originals/ab/one", bytes("picture"), { customer_id: "c1" });
    expect(server.lines()).toEqual(["POST /upload/o"]);
    const [asked] = uploadsTo(server);
    expect(Object.fromEntries(asked?.query ?? [])).toMatchObject({
      name: "originals/ab/one",
      uploadType: "multipart",
      ifGenerationMatch: "0",
    });
    expect(asked && multipartOf(asked)).toMatchObject({
      resource: { crc32c: "T3fd9w==", metadata: { customer_id: "c1" } },
      bytes: bytes("picture"),
    });
  });

  it("holds what is to be held, exempts the others, and says nothing where the bucket holds nothing", async () => {
    const server = await gcsServer({ defaultEventBasedHold: true });
    const isHeld = (key: string) => key.startsWith("originals/");
    const lake = lakeOn(server, { isHeld });
    await lake.create("originals/a", bytes("x"));
    await lake.create("renditions/a", bytes("x"));
    await lakeOn(server).create("other", bytes("x"));
    const holds = uploadsTo(server).map((asked) => multipartOf(asked).resource.eventBasedHold);
    expect(holds).toEqual([true, false, undefined]);
    expect(server.get("renditions/a")?.isHeld).toBe(false);
  });

  it.each(["loseAnswer", "reset"] as const)("has created the object although: %s", async (fault) => {
    const server = await gcsServer();
    server.fail(isUpload, fault);
    const creation = await lakeOn(server).create("a/key", bytes("mine"), { n: "1" });
    expect(creation).toMatchObject({ isCreated: true, object: { sizeBytes: 4, metadata: { n: "1" } } });
    expect(uploadsTo(server)).toHaveLength(2);
  });

  it("has not created what another creator wrote with the same bytes and metadata", async () => {
    const server = await gcsServer();
    await lakeOn(server).create("a/key", bytes("same"), { n: "1" });
    server.fail(isUpload, "reset", overloaded);
    const creation = await lakeOn(server).create("a/key", bytes("same"), { n: "1" });
    expect(creation).toMatchObject({ isCreated: false, object: { metadata: { n: "1" } } });
  });

  it.each([408, 429, 500, 503])("tries again after %d", async (status) => {
    const server = await gcsServer();
    server.fail(isUpload, problem(status, "", "later"), problem(status, "", "later"));
    expect((await lakeOn(server).create("a/key", bytes("x"))).isCreated).toBe(true);
    expect(uploadsTo(server)).toHaveLength(3);
  });

  it("gives up after some attempts, with the address", async () => {
    const server = await gcsServer();
    server.fail(isUpload, ...Array.from({ length: 9 }, () => overloaded));
    await expect(lakeOn(server).create("a/key", bytes("x"))).rejects.toMatchObject({
      name: "Unavailable",
      message: "gs://b/a/key: Cloud Storage answers 503 backendError: Try again",
    });
    expect(uploadsTo(server)).toHaveLength(4);
  });

  it("leaves nothing damaged: refused by the service, or removed when it was stored", async () => {
    const server = await gcsServer();
    const mismatch = `Provided CRC32C "AAAAAA==" doesn't match calculated CRC32C "Hrbw0g==".`;
    server.fail(isUpload, problem(400, "invalid", mismatch));
    const damaged = { name: "Unavailable", message: expect.stringContaining("damaged") };
    await expect(lakeOn(server).create("a/key", bytes("x"))).rejects.toMatchObject(damaged);

    const { generation } = server.put("a/key", "y");
    const resource = { name: "a/key", size: "1", timeCreated: new Date(), generation, metageneration: "1" };
    const body = bytes(JSON.stringify({ ...resource, crc32c: "AAAAAA==" }));
    server.fail(isUpload, { status: 200, body });
    await expect(lakeOn(server).create("a/key", bytes("x"))).rejects.toMatchObject(damaged);
    expect(server.requests.at(-1)).toMatchObject({ method: "DELETE" });
    expect(server.requests.at(-1)?.query.get("ifGenerationMatch")).toBe(String(generation));
    expect(server.get("a/key")).toBeUndefined();
  });
});

describe("reading from Cloud Storage", () => {
  it("reads the very object whose metadata it gives", async () => {
    const server = await gcsServer();
    const { generation } = server.put("a/key", "picture");
    await readWhole(lakeOn(server), "a/key");
    expect(server.requests.at(-1)?.query.get("generation")).toBe(String(generation));
  });

  it("gives what another program put there, as that program named it", async () => {
    const server = await gcsServer();
    server.put("a/key", "x", { metadata: { progress: "100%25", empty: "" } });
    expect((await lakeOn(server).stat("a/key"))?.metadata).toEqual({ progress: "100%25", empty: "" });
  });

  it("tries again when a download does not begin", async () => {
    const server = await gcsServer();
    server.put("a/key", "picture");
    server.fail(({ query }) => query.get("alt") === "media", overloaded, "reset");
    expect((await readWhole(lakeOn(server), "a/key"))?.bytes.toString()).toBe("picture");
  });

  it("answers undefined when the object goes between the two questions", async () => {
    const server = await gcsServer();
    server.put("a/key", "x");
    server.fail(({ query }) => query.get("alt") === "media", {
      status: 404,
      body: bytes("No such object: b/a/key"),
    });
    expect(await lakeOn(server).read("a/key")).toBeUndefined();
  });
});

describe("listing a bucket", () => {
  it("asks for names only, page by page and as far as they are wanted", async () => {
    const server = await gcsServer({ pageSize: 2 });
    for (const key of ["a/1", "a/2", "a/3", "a/4", "a/5", "b/1"]) server.put(key, key);
    const found: string[] = [];
    for await (const key of lakeOn(server).list({ prefix: "a/", after: "a/1" })) found.push(key);
    expect(found).toEqual(["a/2", "a/3", "a/4", "a/5"]);
    expect(server.lines()).toEqual(["GET /o", "GET /o", "GET /o"]);
    expect(server.requests[0]?.query.get("fields")).toBe("items(name),nextPageToken");
    for await (const _ of lakeOn(server).list({ prefix: "" })) break;
    expect(server.requests).toHaveLength(4);
  });

  it("does not take a page of something else for an empty bucket", async () => {
    const server = await gcsServer();
    server.fail(() => true, { status: 200, body: bytes("<html>Sign in to the network</html>") });
    const first = lakeOn(server).list({ prefix: "" })[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({ name: "Unavailable" });
    server.fail(() => true, { status: 200, body: bytes("{}") });
    await expect(lakeOn(server).stat("a/key")).rejects.toMatchObject({ name: "Unavailable" });
  });

  it("leaves out what is no key of a lake", async () => {
    const server = await gcsServer();
    for (const name of ["a/", "a//b", "a/Grüße", "a/key"]) server.put(name, "");
    const found: string[] = [];
    for await (const key of lakeOn(server).list({ prefix: "" })) found.push(key);
    expect(found).toEqual(["a/key"]);
  });
});

describe("what a bucket keeps", () => {
  const kept = { name: "Refused", reason: "retained" };
  const isHeld = () => true;

  it("cannot be removed while it is held, nor until the retention since its release is over", async () => {
    const clock = manualClock();
    const server = await gcsServer({ retentionMs: 60_000, now: clock.now });
    const lake = lakeOn(server, { isHeld });
    await lake.create("a/key", bytes("x"));
    clock.advance(90_000);
    await expect(lake.remove("a/key")).rejects.toMatchObject(kept);
    await lake.release("a/key");
    await expect(lake.remove("a/key")).rejects.toMatchObject(kept);
    clock.advance(60_000);
    expect(await lake.remove("a/key")).toBe(true);
  });

  it("is told by the documented reason, too", async () => {
    const server = await gcsServer();
    server.put("a/key", "x");
    server.fail(isMethod("DELETE"), problem(403, "objectUnderActiveHold", "held"));
    await expect(lakeOn(server).remove("a/key")).rejects.toMatchObject(kept);
  });

  it("is not mistaken for a missing permission", async () => {
    const server = await gcsServer();
    server.put("a/key", "x");
    const denied = "a@b.c does not have storage.objects.delete access to the Google Cloud Storage object.";
    server.fail(isMethod("DELETE"), problem(403, "forbidden", denied));
    await expect(lakeOn(server).remove("a/key")).rejects.toMatchObject({ name: "Misconfigured" });
  });

  it("is released once, under the conditions that nobody changed it meanwhile", async () => {
    const server = await gcsServer();
    const lake = lakeOn(server, { isHeld });
    await lake.create("a/key", bytes("x"));
    await lake.release("a/key");
    await lake.release("a/key");
    const patches = server.requests.filter(isMethod("PATCH"));
    expect(patches.map(({ body }) => body.toString())).toEqual(['{"eventBasedHold":false}']);
    expect(patches[0]?.query.get("ifMetagenerationMatch")).toBe("1");
    expect(patches[0]?.query.get("ifGenerationMatch")).toBe(String(server.get("a/key")?.generation));
    expect(server.get("a/key")).toMatchObject({ isHeld: false, metageneration: 2 });
  });

  it("is released although the answer was lost, or somebody else was faster", async () => {
    const server = await gcsServer();
    const lake = lakeOn(server, { isHeld });
    await lake.create("a/key", bytes("x"));
    server.fail(isMethod("PATCH"), "loseAnswer");
    await lake.release("a/key");
    expect(server.get("a/key")).toMatchObject({ isHeld: false, metageneration: 2 });
  });

  it("stays held when its release is not certain", async () => {
    const server = await gcsServer();
    const lake = lakeOn(server, { isHeld });
    await lake.create("a/key", bytes("x"));
    server.fail(isMethod("PATCH"), problem(412, "conditionNotMet", "changed"));
    await expect(lake.release("a/key")).rejects.toMatchObject({ name: "Unavailable" });
  });

  it("need not be there to be released, and is not asked for where nothing is held", async () => {
    const server = await gcsServer();
    await lakeOn(server, { isHeld }).release("a/key");
    expect(server.lines()).toEqual(["GET /o/a%2Fkey"]);
    await lakeOn(server).release("a/key");
    expect(server.requests).toHaveLength(1);
  });

  it("is met again instead of created again", async () => {
    const server = await gcsServer({ retentionMs: 60_000 });
    server.put("a/key", "kept");
    server.fail(isUpload, problem(403, "retentionPolicyNotMet", "Object 'a/key' is subject to retention"));
    expect(await lakeOn(server).create("a/key", bytes("x"))).toMatchObject({ isCreated: false });
  });
});

describe("removing from Cloud Storage", () => {
  it("removes the object that it looked at and no later one", async () => {
    const server = await gcsServer();
    const { generation } = server.put("a/key", "x");
    await lakeOn(server).remove("a/key");
    expect(server.requests.at(-1)?.query.get("ifGenerationMatch")).toBe(String(generation));
  });

  it("has removed it although the answer was lost, and has not when another was faster", async () => {
    const server = await gcsServer();
    server.put("a/key", "x");
    server.fail(isMethod("DELETE"), "loseAnswer");
    expect(await lakeOn(server).remove("a/key")).toBe(true);
    server.put("a/key", "x");
    server.fail(isMethod("DELETE"), "loseAnswer", problem(412, "conditionNotMet", "gone"));
    expect(await lakeOn(server).remove("a/key")).toBe(true);
    server.put("a/key", "y");
    server.fail(isMethod("DELETE"), problem(404, "notFound", "No such object: b/a/key"));
    expect(await lakeOn(server).remove("a/key")).toBe(false);
  });
});

describe("a bucket that cannot be used", () => {
  it("is the operator's matter when it is missing, and never an empty one", async () => {
    const lake = lakeOn(await gcsServer({ name: "other" }));
    const misconfigured = { name: "Misconfigured", message: expect.stringContaining("gs://b") };
    await expect(lake.stat("a/key")).rejects.toMatchObject(misconfigured);
    await expect(lake.read("a/key")).rejects.toMatchObject(misconfigured);
    await expect(lake.remove("a/key")).rejects.toMatchObject(misconfigured);
    await expect(lake.create("a/key", bytes("x"))).rejects.toMatchObject(misconfigured);
    await expect(lake.list({ prefix: "" })[Symbol.asyncIterator]().next()).rejects.toMatchObject(
      misconfigured,
    );
  });

  it("is the operator's matter when a permission is missing, but not when it is asked too often", async () => {
    const server = await gcsServer();
    server.fail(
      isUpload,
      problem(403, "forbidden", "denied"),
      problem(403, "rateLimitExceeded", "slow down"),
    );
    await expect(lakeOn(server).create("a/key", bytes("x"))).rejects.toMatchObject({ name: "Misconfigured" });
    expect(uploadsTo(server)).toHaveLength(1);
    expect((await lakeOn(server).create("a/key", bytes("x"))).isCreated).toBe(true);
  });
});
