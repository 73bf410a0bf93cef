import { describe, expect, it } from "@jest/globals";
import { Refused } from "../../core/errors.ts";
import { type GcsLakeOptions, gcsLake } from "../../lake/gcs.ts";
import { piecesOf } from "../../lake/gcs-upload.ts";
import { readWhole } from "../../lake/lake.ts";
import { type Asked, crc32cOf, problem } from "./gcs-bucket.ts";
import { type GcsServer, gcsServer } from "./gcs-server.ts";

/** The least that the service takes. */
const pieceBytes = 256 * 1024;
const chunkBytes = pieceBytes / 8;
const large = Buffer.alloc(17 * chunkBytes, "all work and no play makes a test dull. ");

const lakeOn = ({ endpoint }: GcsServer, options: Partial<GcsLakeOptions> = {}) =>
  gcsLake({ bucket: "b", endpoint, pieceBytes, retry: { firstWaitMs: 1 }, ...options });

/** The first `bytes` of the large body, in chunks. */
async function* streamed(bytes = large.length, onChunk?: (sent: number) => void): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < bytes; sent += chunkBytes) {
    onChunk?.(sent);
    yield large.subarray(sent, Math.min(sent + chunkBytes, bytes));
  }
}

const isPut = ({ method }: Asked) => method === "PUT";
const isData = (asked: Asked) => isPut(asked) && asked.body.length > 0;
const isLastPiece = (asked: Asked) => isData(asked) && asked.headers["x-goog-hash"] !== undefined;
const ranges = ({ requests }: GcsServer) =>
  requests.filter(isPut).map(({ headers }) => headers["content-range"]);
const cancellations = ({ requests }: GcsServer) =>
  requests.filter(({ method, path }) => method === "DELETE" && path.startsWith("/session/"));

async function expectStored(server: GcsServer) {
  const found = await readWhole(lakeOn(server), "a/large");
  expect(found?.bytes.equals(large)).toBe(true);
  expect(server.openSessions()).toBe(0);
}

describe("a large body for Cloud Storage", () => {
  it("goes in pieces, to a free key only, and with the checksum of all at its end", async () => {
    const server = await gcsServer({ defaultEventBasedHold: true });
    const lake = lakeOn(server, { isHeld: () => false });
    const creation = await lake.create("a/large", streamed(), { kind: "dull" });
    expect(creation).toMatchObject({
      isCreated: true,
      object: { sizeBytes: large.length, metadata: { kind: "dull" } },
    });
    const [opening] = server.requests;
    expect(opening?.query.get("uploadType")).toBe("resumable");
    expect(opening?.query.get("ifGenerationMatch")).toBe("0");
    expect(JSON.parse(String(opening?.body))).toMatchObject({
      eventBasedHold: false,
      metadata: { kind: "dull" },
    });
    expect(ranges(server)).toEqual([
      "bytes 0-262143/*",
      "bytes 262144-524287/*",
      "bytes 524288-557055/557056",
    ]);
    expect(server.requests.filter(isPut).map(({ headers }) => headers["x-goog-hash"])).toEqual([
      undefined,
      undefined,
      `crc32c=${crc32cOf(large)}`,
    ]);
    await expectStored(server);
  });

  it("goes in pieces also when it lies in memory", async () => {
    const server = await gcsServer();
    expect((await lakeOn(server).create("a/large", large)).isCreated).toBe(true);
    expect(ranges(server)).toHaveLength(3);
    await expectStored(server);
  });

  it("goes in one request up to the size of a piece", async () => {
    const server = await gcsServer();
    await lakeOn(server).create("a/small", streamed(pieceBytes));
    await gcsLake({ bucket: "b", endpoint: server.endpoint }).create("a/large", streamed());
    expect(server.requests.map(({ query }) => query.get("uploadType"))).toEqual(["multipart", "multipart"]);
  });

  it("is sent on from where the service has it, when a piece or an answer is lost on the way", async () => {
    const server = await gcsServer();
    server.fail(isData, "half", "loseAnswer", problem(503, "backendError", "later"), "reset");
    expect((await lakeOn(server).create("a/large", streamed())).isCreated).toBe(true);
    expect(ranges(server).slice(0, 4)).toEqual([
      "bytes 0-262143/*",
      "bytes */*",
      "bytes 131072-262143/*",
      "bytes */*",
    ]);
    await expectStored(server);
  });

  it("is known as created when the very last answer is lost", async () => {
    const server = await gcsServer();
    server.fail(isLastPiece, "loseAnswer");
    const creation = await lakeOn(server).create("a/large", streamed());
    expect(creation).toMatchObject({ isCreated: true, object: { sizeBytes: large.length } });
    await expectStored(server);
  });

  it("leaves what another creator put there meanwhile", async () => {
    const server = await gcsServer();
    const body = streamed(large.length, (sent) => {
      if (sent === 10 * chunkBytes) server.put("a/large", "faster");
    });
    expect(await lakeOn(server).create("a/large", body)).toMatchObject({
      isCreated: false,
      object: { sizeBytes: 6 },
    });
    expect(server.openSessions()).toBe(0);
  });

  it("leaves nothing when it fails midway, and its error comes out unchanged", async () => {
    const server = await gcsServer();
    const error = new Refused("too_large", "too large", "fewer bytes");
    const body = streamed(large.length, (sent) => {
      if (sent === 12 * chunkBytes) throw error;
    });
    await expect(lakeOn(server).create("a/large", body)).rejects.toBe(error);
    expect(cancellations(server)).toHaveLength(1);
    expect(server.openSessions()).toBe(0);
    expect(server.get("a/large")).toBeUndefined();
  });

  it("leaves nothing when the service fails midway, and closes the body", async () => {
    const server = await gcsServer();
    server.fail(isPut, ...Array.from({ length: 9 }, () => problem(503, "backendError", "later")));
    let isClosed = false;
    async function* body() {
      try {
        yield* streamed();
      } finally {
        isClosed = true;
      }
    }
    await expect(lakeOn(server).create("a/large", body())).rejects.toMatchObject({
      name: "Unavailable",
      message: expect.stringMatching(/^gs:\/\/b\/a\/large: /),
    });
    expect(isClosed).toBe(true);
    expect(server.openSessions()).toBe(0);
  });

  it("never becomes an object when its bytes are damaged on the way", async () => {
    const server = await gcsServer();
    const mismatch = `Provided CRC32C "AAAAAA==" doesn't match calculated CRC32C "Hrbw0g==".`;
    server.fail(isLastPiece, problem(400, "invalid", mismatch));
    await expect(lakeOn(server).create("a/large", streamed())).rejects.toMatchObject({
      name: "Unavailable",
      message: expect.stringContaining("damaged"),
    });
    expect(server.openSessions()).toBe(0);
  });

  it("is not continued with other bytes than the service has", async () => {
    const server = await gcsServer();
    server.fail(isData, { status: 308, headers: { range: `bytes=0-${pieceBytes}` } });
    await expect(
      lakeOn(server, { retry: { attempts: 1 } }).create("a/large", streamed()),
    ).rejects.toMatchObject({ name: "Unavailable" });
  });

  it("is not read further ahead than one piece", async () => {
    const server = await gcsServer();
    server.fail(isData, "silence");
    let furthest = 0;
    const body = streamed(large.length, (sent) => {
      furthest = sent;
    });
    const lake = lakeOn(server, { idleMs: 100, retry: { attempts: 1 } });
    await expect(lake.create("a/large", body)).rejects.toMatchObject({ name: "Unavailable" });
    expect(furthest).toBe(pieceBytes);
  });

  it("sends no address of a session to the log", async () => {
    const server = await gcsServer();
    server.fail(isPut, ...Array.from({ length: 9 }, () => "reset" as const));
    const message = await lakeOn(server)
      .create("a/large", streamed())
      .catch((error) => `${error.message} ${error.cause?.message}`);
    expect(message).toContain("gs://b/a/large");
    expect(message).not.toContain("session");
  });
});

describe("an upload that somebody else sends", () => {
  it("is opened for a free key, this metadata, this size and this origin", async () => {
    const server = await gcsServer();
    const lake = lakeOn(server, { isHeld: (key) => key.startsWith("incoming/") });
    const { url } = await lake.openUpload("incoming/a", {
      metadata: { file_name: "Grüße.jpg" },
      sizeBytes: 7,
      contentType: "image/jpeg",
      origin: "https://example.com",
    });
    const [asked] = server.requests;
    expect(asked?.query.get("ifGenerationMatch")).toBe("0");
    expect(asked?.headers).toMatchObject({
      "x-upload-content-length": "7",
      "x-upload-content-type": "image/jpeg",
      origin: "https://example.com",
    });
    expect(JSON.parse(String(asked?.body))).toMatchObject({
      contentType: "image/jpeg",
      eventBasedHold: true,
      metadata: { file_name: "Grüße.jpg" },
    });
    await fetch(url, { method: "PUT", body: "picture", headers: { "content-range": "bytes 0-6/7" } });
    const found = await readWhole(lake, "incoming/a");
    expect(found?.bytes.toString()).toBe("picture");
    expect(found?.object.metadata).toEqual({ file_name: "Grüße.jpg" });
  });

  it("is refused by what is there already", async () => {
    const server = await gcsServer();
    server.put("incoming/a", "x");
    const opened = lakeOn(server).openUpload("incoming/a", { metadata: {}, sizeBytes: 7 });
    await expect(opened).rejects.toMatchObject({ name: "Refused", reason: "already_there" });
  });
});

describe("pieces of a body", () => {
  const sizes = async (...chunks: readonly number[]) => {
    async function* body() {
      for (const length of chunks) yield Buffer.alloc(length);
    }
    const found: string[] = [];
    for await (const { bytes, isLast } of piecesOf(body(), 10))
      found.push(`${bytes.length}${isLast ? "." : ""}`);
    return found;
  };

  it("are of one size, and the last is never empty unless all is", async () => {
    expect(await sizes()).toEqual(["0."]);
    expect(await sizes(10)).toEqual(["10."]);
    expect(await sizes(10, 1)).toEqual(["10", "1."]);
    expect(await sizes(21)).toEqual(["10", "10", "1."]);
    expect(await sizes(1, 10, 9)).toEqual(["10", "10."]);
  });
});
