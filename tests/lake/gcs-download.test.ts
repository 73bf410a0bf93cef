import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { type GcsLakeOptions, gcsLake } from "../../lake/gcs.ts";
import { readWhole } from "../../lake/lake.ts";
import type { Asked } from "./gcs-bucket.ts";
import { type Fault, type GcsServer, gcsServer } from "./gcs-server.ts";

const isMedia = ({ query }: Asked) => query.get("alt") === "media";

const lakeOn = ({ endpoint }: GcsServer, options: Partial<GcsLakeOptions> = {}) =>
  gcsLake({ bucket: "b", endpoint, retry: { firstWaitMs: 1 }, ...options });

describe("a download from Cloud Storage", () => {
  it.each<[what: string, fault: Fault, message: string]>([
    ["damaged", "flip", "the bytes were damaged"],
    ["cut off", "cut", "cannot be reached"],
    ["too short", { status: 200, body: Buffer.from("pict") }, "4 bytes came instead of 7"],
    ["too long", { status: 200, body: Buffer.from("pictures") }, "8 bytes came instead of 7"],
  ])("fails with the address when it is %s", async (_, fault, message) => {
    const server = await gcsServer();
    server.put("a/key", "picture");
    server.fail(isMedia, fault);
    await expect(readWhole(lakeOn(server), "a/key")).rejects.toMatchObject({
      name: "Unavailable",
      message: expect.stringMatching(new RegExp(`^gs://b/a/key: .*${message}`)),
    });
  });

  it("of a part fails when it is too short, and cannot be checked further", async () => {
    const server = await gcsServer();
    server.put("a/key", "picture");
    const part = async () => {
      const found = await lakeOn(server).read("a/key", { start: 2, end: 5 });
      const chunks: Buffer[] = [];
      for await (const chunk of found?.body ?? []) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };
    expect(await part()).toBe("ctu");
    expect(server.requests.at(-1)?.headers.range).toBe("bytes=2-4");
    server.fail(isMedia, { status: 206, body: Buffer.from("ct") });
    await expect(part()).rejects.toMatchObject({ name: "Unavailable" });
  });

  it.each(["silence", "stall"] as const)(
    "fails with the address when nothing more comes: %s",
    async (fault) => {
      const server = await gcsServer();
      server.put("a/key", "picture");
      server.fail(isMedia, ...Array.from({ length: 4 }, () => fault));
      await expect(readWhole(lakeOn(server, { idleMs: 50 }), "a/key")).rejects.toMatchObject({
        name: "Unavailable",
        message: "gs://b/a/key: nothing came for 50 ms",
      });
    },
  );

  it("waits for a slow reader", async () => {
    const server = await gcsServer();
    const large = "x".repeat(8 * 1024 * 1024);
    server.put("a/key", large);
    const found = await lakeOn(server, { idleMs: 50 }).read("a/key");
    let length = 0;
    for await (const chunk of found?.body ?? []) {
      if (length === 0) await delay(250);
      length += chunk.length;
    }
    expect(length).toBe(large.length);
  });

  it("closes its connection when it is left", async () => {
    const server = await gcsServer();
    server.put("a/key", "x".repeat(8 * 1024 * 1024));
    const lake = lakeOn(server, { connections: 1 });
    for (let n = 0; n < 3; n++) {
      const found = await lake.read("a/key");
      for await (const _ of found?.body ?? []) break;
    }
    expect((await readWhole(lake, "a/key"))?.object.sizeBytes).toBe(8 * 1024 * 1024);
  });
});
