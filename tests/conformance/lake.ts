/** The promises of the lake's port, as tests: every adapter passes the same suite. */

import { text } from "node:stream/consumers";
import { describe, expect, it } from "@jest/globals";
import { Refused } from "../../core/errors.ts";
import { type Lake, readWhole } from "../../lake/lake.ts";
import { type ManualClock, manualClock } from "../manual-clock.ts";

export interface LakeSetup {
  readonly clock: ManualClock;
  readonly retentionMs: number;
  readonly announce: (key: string) => Promise<void>;
}

const bytes = (value: string) => Buffer.from(value, "utf8");

async function* chunks(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield bytes(part);
}

async function keys(lake: Lake, prefix: string, after?: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const key of lake.list(after === undefined ? { prefix } : { prefix, after })) found.push(key);
  return found;
}

export function lakeConformance(adapter: string, make: (setup: LakeSetup) => Promise<Lake>): void {
  const lakeWith = (setup: Partial<LakeSetup> = {}) =>
    make({
      clock: manualClock(new Date().toISOString()),
      retentionMs: 0,
      announce: async () => {},
      ...setup,
    });

  describe(`lake: ${adapter}`, () => {
    it("gives back the bytes and the metadata of what was created", async () => {
      const lake = await lakeWith();
      const metadata = { customer_id: "c1", file_name: "Grüße \u0000 .jpg" };
      const creation = await lake.create("originals/ab/one", bytes("picture"), metadata);
      expect(creation).toMatchObject({ isCreated: true, object: { sizeBytes: 7, metadata } });
      const found = await readWhole(lake, "originals/ab/one");
      expect(found?.bytes.toString()).toBe("picture");
      expect(found?.object).toMatchObject({ key: "originals/ab/one", sizeBytes: 7, metadata });
      expect(await lake.stat("originals/ab/one")).toMatchObject({ sizeBytes: 7, metadata });
    });

    it("keeps an empty object and an object without metadata", async () => {
      const lake = await lakeWith();
      await lake.create("a/empty", bytes(""), { reason: "empty" });
      await lake.create("a/plain", bytes("x"));
      expect((await readWhole(lake, "a/empty"))?.bytes).toHaveLength(0);
      expect(await lake.stat("a/empty")).toMatchObject({ sizeBytes: 0, metadata: { reason: "empty" } });
      expect(await lake.stat("a/plain")).toMatchObject({ sizeBytes: 1, metadata: {} });
    });

    it("leaves the first object when a key is created again", async () => {
      const lake = await lakeWith();
      await lake.create("a/key", bytes("first"), { n: "1" });
      const again = await lake.create("a/key", bytes("second!"), { n: "2" });
      expect(again).toMatchObject({ isCreated: false, object: { sizeBytes: 5, metadata: { n: "1" } } });
      expect((await readWhole(lake, "a/key"))?.bytes.toString()).toBe("first");
    });

    it("lets exactly one of many simultaneous creators win, and keeps what that one wrote", async () => {
      const lake = await lakeWith();
      const racers = Array.from({ length: 16 }, (_, n) =>
        lake.create("a/race", chunks(`bytes of ${n}`, "."), { n: String(n) }),
      );
      const winners = (await Promise.all(racers)).flatMap((creation, n) => (creation.isCreated ? [n] : []));
      expect(winners).toHaveLength(1);
      const found = await readWhole(lake, "a/race");
      expect(found?.bytes.toString()).toBe(`bytes of ${winners[0]}.`);
      expect(found?.object.metadata).toEqual({ n: String(winners[0]) });
    });

    it("creates nothing when the body fails, and passes its error on unchanged", async () => {
      const lake = await lakeWith();
      const error = new Refused("too_large", "too large", "fewer bytes");
      async function* failing() {
        yield bytes("half");
        throw error;
      }
      await expect(lake.create("a/broken", failing())).rejects.toBe(error);
      expect(await lake.stat("a/broken")).toBeUndefined();
      expect(await keys(lake, "")).toEqual([]);
      expect((await lake.create("a/broken", bytes("whole"))).isCreated).toBe(true);
    });

    it("streams a body of many chunks and reads ranges of it", async () => {
      const lake = await lakeWith();
      await lake.create("a/long", chunks("0123", "4567", "89"), { kind: "digits" });
      const part = async (start: number, end: number) => {
        const found = await lake.read("a/long", { start, end });
        return found === undefined ? undefined : text(found.body);
      };
      expect(await part(2, 6)).toBe("2345");
      expect(await part(8, 100)).toBe("89");
      expect(await part(10, 12)).toBe("");
      expect(await part(0, 10)).toBe("0123456789");
    });

    it("answers undefined for what is not there, and for a folder of keys", async () => {
      const lake = await lakeWith();
      await lake.create("a/b/c", bytes("x"));
      for (const key of ["nothing", "a", "a/b", "a/b/c/d"]) {
        expect(await lake.stat(key)).toBeUndefined();
        expect(await lake.read(key)).toBeUndefined();
        expect(await lake.remove(key)).toBe(false);
      }
    });

    it("lists keys in ascending order, by prefix and after a key", async () => {
      const lake = await lakeWith();
      const all = ["a-b", "a/b", "a/b-c", "a/c/d", "a0", "b/1", "b/10", "b/2"];
      for (const key of [...all].reverse()) await lake.create(key, bytes(key));
      expect(await keys(lake, "")).toEqual(all);
      expect(await keys(lake, "a/")).toEqual(["a/b", "a/b-c", "a/c/d"]);
      expect(await keys(lake, "a/b")).toEqual(["a/b", "a/b-c"]);
      expect(await keys(lake, "", "a/b")).toEqual(["a/b-c", "a/c/d", "a0", "b/1", "b/10", "b/2"]);
      expect(await keys(lake, "b/", "b/1")).toEqual(["b/10", "b/2"]);
      expect(await keys(lake, "zzz")).toEqual([]);
    });

    it("removes an object, after which its key is free", async () => {
      const lake = await lakeWith();
      await lake.create("a/key", bytes("first"));
      expect(await lake.remove("a/key")).toBe(true);
      expect(await lake.stat("a/key")).toBeUndefined();
      expect(await lake.remove("a/key")).toBe(false);
      expect((await lake.create("a/key", bytes("second"))).isCreated).toBe(true);
    });

    it("refuses to remove what is younger than the retention", async () => {
      const clock = manualClock(new Date().toISOString());
      const lake = await lakeWith({ clock, retentionMs: 60_000 });
      await lake.create("a/key", bytes("kept"));
      await expect(lake.remove("a/key")).rejects.toMatchObject({ name: "Refused", reason: "retained" });
      clock.advance(61_000);
      expect(await lake.remove("a/key")).toBe(true);
    });

    it.each(["", "/a", "a//b", "a/../b", ".hidden", "a/.hidden", "a b", "ä", "a\u0000b", "x".repeat(513)])(
      "refuses %j as a key",
      async (key) => {
        const lake = await lakeWith();
        await expect(lake.create(key, bytes("x"))).rejects.toBeInstanceOf(Refused);
        await expect(lake.stat(key)).rejects.toBeInstanceOf(Refused);
      },
    );

    it("announces an object before it appears", async () => {
      const seen: string[] = [];
      let lake: Lake | undefined;
      lake = await lakeWith({
        announce: async (key) => {
          seen.push(`${key} ${(await lake?.stat(key)) === undefined ? "not yet" : "there"}`);
        },
      });
      await lake.create("a/key", bytes("x"));
      expect(seen).toEqual(["a/key not yet"]);
      await lake.create("a/key", bytes("again"));
      expect(seen).toHaveLength(1);
    });

    it("tells bodies that end like a trailer from trailers", async () => {
      const lake = await lakeWith();
      for (const [n, end] of ["DRKROOM1", "{}\u0000\u0000\u0000\u0002DRKROOM1"].entries()) {
        await lake.create(`a/${n}`, chunks("body", ...end), {});
        expect((await readWhole(lake, `a/${n}`))?.bytes.toString()).toBe(`body${end}`);
        expect(await lake.stat(`a/${n}`)).toMatchObject({ metadata: {} });
      }
    });
  });
}
