import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startFaultProxy } from "../../infra/services/fault-proxy.ts";
import { type GcsLakeOptions, gcsLake } from "../../lake/gcs.ts";
import { readWhole } from "../../lake/lake.ts";
import { lakeConformance } from "../conformance/lake.ts";
import { uniqueSuffix } from "./names.ts";
import { describeWithServices } from "./servers.ts";

const mebibyte = 1024 * 1024;
const large = Buffer.alloc(20 * mebibyte + 1, "all work and no play makes a test dull. ");

async function* streamed(body: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < body.length; start += 100_000) yield body.subarray(start, start + 100_000);
}

describeWithServices("Cloud Storage", ["gcs"], (services) => {
  const { endpoint } = services.of("gcs");
  const storage = new Storage({ apiEndpoint: endpoint, projectId: "lake-tests" });
  const undo: (() => Promise<unknown>)[] = [];

  afterAll(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  /** A lake in a bucket of its own. */
  async function newLake(options: Partial<GcsLakeOptions> = {}) {
    const bucket = storage.bucket(uniqueSuffix("lake"));
    await bucket.create();
    const lake = gcsLake({ bucket: bucket.name, endpoint, ...options });
    undo.push(async () => {
      await lake.close();
      await bucket.deleteFiles({ force: true });
      await bucket.delete();
    });
    return { lake, bucket };
  }

  lakeConformance("Cloud Storage", async (setup) => (await newLake(setup)).lake);

  describe("objects of every size", () => {
    it("come back whole from a stream of many pieces", async () => {
      const { lake } = await newLake();
      const creation = await lake.create("a/large", streamed(large), { kind: "dull" });
      expect(creation).toMatchObject({ isCreated: true, object: { sizeBytes: large.length } });
      const found = await readWhole(lake, "a/large");
      expect(found?.bytes.equals(large)).toBe(true);
      expect(found?.object.metadata).toEqual({ kind: "dull" });
    });

    it("are created by one of several simultaneous streams", async () => {
      const { lake } = await newLake();
      const bodies = [1, 2, 3].map((n) => Buffer.alloc(9 * mebibyte, String(n)));
      const creations = await Promise.all(bodies.map((body) => lake.create("a/large", streamed(body))));
      const winners = creations.flatMap(({ isCreated }, n) => (isCreated ? [n] : []));
      expect(winners).toHaveLength(1);
      const found = await readWhole(lake, "a/large");
      expect(found?.bytes.equals(bodies[winners[0] ?? -1] ?? Buffer.alloc(0))).toBe(true);
    });

    it("leave nothing when the stream fails after the first piece", async () => {
      const { lake, bucket } = await newLake();
      const error = new TypeError("the sender went away");
      async function* failing() {
        yield* streamed(large.subarray(0, 9 * mebibyte));
        throw error;
      }
      await expect(lake.create("a/large", failing())).rejects.toBe(error);
      expect((await bucket.getFiles())[0]).toEqual([]);
      expect((await lake.create("a/large", Buffer.from("whole"))).isCreated).toBe(true);
    });
  });

  describe("other programs", () => {
    it("read what the lake wrote, and the lake what they wrote", async () => {
      const { lake, bucket } = await newLake();
      await lake.create("a/ours", Buffer.from("ours"), { file_name: "Grüße.jpg" });
      const file = bucket.file("a/ours");
      expect(String((await file.download())[0])).toBe("ours");
      expect((await file.getMetadata())[0].metadata).toMatchObject({ file_name: "Grüße.jpg" });

      await bucket.file("a/theirs").save("theirs", { metadata: { metadata: { progress: "100%25" } } });
      const found = await readWhole(lake, "a/theirs");
      expect(found?.bytes.toString()).toBe("theirs");
      expect(found?.object.metadata).toEqual({ progress: "100%25" });
    });

    it("send one object to the address that they were given", async () => {
      const { lake } = await newLake();
      const { url } = await lake.openUpload("incoming/a", { metadata: { customer_id: "c1" }, sizeBytes: 7 });
      const send = (to: string) => fetch(to, { method: "PUT", body: "picture" });
      const late = await lake.openUpload("incoming/a", { metadata: { customer_id: "c2" }, sizeBytes: 7 });
      expect((await send(url)).status).toBe(200);
      expect((await send(late.url)).status).toBe(412);
      const found = await readWhole(lake, "incoming/a");
      expect(found?.bytes.toString()).toBe("picture");
      expect(found?.object.metadata).toEqual({ customer_id: "c1" });
    });
  });

  describe("a bad line to the service", () => {
    const random = seeded(20_261_122);
    let way: Awaited<ReturnType<typeof startFaultProxy>>;

    beforeAll(async () => {
      way = await startFaultProxy({ target: endpoint, random });
      undo.push(() => way.close());
    });

    it("loses and doubles nothing: every object is created once, by the one who is told so", async () => {
      const { lake, bucket } = await newLake({
        endpoint: way.endpoint,
        retry: { attempts: 12, firstWaitMs: 1 },
      });
      way.setFault({ resetProbability: 0.1, answer: { status: 503, probability: 0.1 } });
      const keys = Array.from({ length: 60 }, (_, n) => `a/${n}`);
      const creators = keys.flatMap((key) => [1, 2].map((n) => lake.create(key, Buffer.from(`${key} ${n}`))));
      const creations = await Promise.all(creators);
      way.setFault({});
      expect(creations.filter(({ isCreated }) => isCreated)).toHaveLength(keys.length);
      expect((await bucket.getFiles())[0]).toHaveLength(keys.length);
      expect(way.counts.resets).toBeGreaterThan(0);
      expect(way.counts.answers).toBeGreaterThan(0);
      for (const [index, key] of keys.entries()) {
        const winner = creations[2 * index]?.isCreated ? 1 : 2;
        expect((await readWhole(lake, key))?.bytes.toString()).toBe(`${key} ${winner}`);
      }
    });

    it("makes the lake unavailable while it is cut, and no longer", async () => {
      const { lake } = await newLake({ endpoint: way.endpoint, retry: { attempts: 2, firstWaitMs: 1 } });
      await lake.create("a/key", Buffer.from("x"));
      way.setFault({ down: true });
      await expect(lake.stat("a/key")).rejects.toMatchObject({
        name: "Unavailable",
        message: expect.stringMatching(/^gs:\/\/lake-.*\/a\/key: Cloud Storage cannot be reached/),
      });
      way.setFault({});
      expect(await lake.stat("a/key")).toMatchObject({ sizeBytes: 1 });
    });
  });
});

/** Numbers from 0 to below 1 that are the same in every run (a linear congruential generator). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
