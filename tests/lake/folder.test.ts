import { mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { systemClock } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";
import { folderLake } from "../../lake/folder.ts";
import { folderArrivals } from "../../lake/folder-arrivals.ts";
import { readWhole } from "../../lake/lake.ts";
import { isArrivalKey } from "../../lake/layout.ts";
import { arrivalsConformance } from "../conformance/arrivals.ts";
import { lakeConformance } from "../conformance/lake.ts";
import { manualClock } from "../manual-clock.ts";
import { temporaryFolder } from "../temporary-folder.ts";

lakeConformance("folder", async (setup) => folderLake({ root: await temporaryFolder(), ...setup }));

arrivalsConformance("folder", async () => {
  const root = await temporaryFolder();
  const arrivals = folderArrivals({ root, pollMs: 20 });
  return {
    lake: folderLake({ root, announce: arrivals.announceFile }),
    arrivals,
    restarted: async () => folderArrivals({ root, pollMs: 20 }),
  };
});

describe("folder lake", () => {
  it("keeps an object without metadata as exactly its bytes, at its key", async () => {
    const root = await temporaryFolder();
    const lake = folderLake({ root });
    await lake.create("events/t/a.ndjson", Buffer.from('{"a":1}\n'));
    expect(await readFile(join(root, "events/t/a.ndjson"), "utf8")).toBe('{"a":1}\n');
    expect(fileURLToPath(lake.url("events/t/a.ndjson"))).toBe(join(root, "events/t/a.ndjson"));
  });

  it("keeps the picture at the front of the file, so that a viewer opens it", async () => {
    const root = await temporaryFolder();
    await folderLake({ root }).create("originals/ab/x", Buffer.from("picture"), { customer_id: "c1" });
    expect((await readFile(join(root, "originals/ab/x"))).subarray(0, 7).toString()).toBe("picture");
  });

  it("leaves no temporary file behind, whatever happens", async () => {
    const root = await temporaryFolder();
    const lake = folderLake({ root });
    await lake.create("a/key", Buffer.from("1"));
    await lake.create("a/key", Buffer.from("2"));
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("half");
      throw new TypeError("broken body");
    }
    await expect(lake.create("a/other", failing())).rejects.toThrow("broken body");
    expect(await readdir(join(root, ".tmp"))).toEqual([]);
  });

  it("does not list what a killed writer left half-written", async () => {
    const root = await temporaryFolder();
    const lake = folderLake({ root });
    await mkdir(join(root, ".tmp"), { recursive: true });
    await writeFile(join(root, ".tmp", "half"), "half a pict");
    await lake.create("a/key", Buffer.from("1"));
    const keys: string[] = [];
    for await (const key of lake.list({ prefix: "" })) keys.push(key);
    expect(keys).toEqual(["a/key"]);
  });

  it("says which file is damaged when a trailer was cut", async () => {
    const root = await temporaryFolder();
    const lake = folderLake({ root });
    await lake.create("a/key", Buffer.from("x"), { k: "v" });
    const path = join(root, "a/key");
    const whole = await readFile(path);
    await writeFile(path, Buffer.concat([Buffer.from([255]), whole.subarray(-12)]));
    await expect(lake.stat("a/key")).rejects.toMatchObject({
      name: "Refused",
      message: expect.stringContaining(path),
    });
    await truncate(path, 0);
    expect(await lake.stat("a/key")).toMatchObject({ sizeBytes: 0 });
  });

  it("says Unavailable when the disk cannot be used", async () => {
    const root = await temporaryFolder();
    await writeFile(join(root, "file"), "");
    await expect(
      folderLake({ root: join(root, "file") }).create("a/b", Buffer.from("x")),
    ).rejects.toMatchObject({
      name: "Unavailable",
    });
  });

  it("gives back any bytes with any metadata", async () => {
    const lake = folderLake({ root: await temporaryFolder() });
    let n = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 64 }),
        fc.dictionary(
          fc.string({ maxLength: 8 }).filter((name) => name !== "__proto__"),
          fc.string({ maxLength: 16 }),
          { maxKeys: 4 },
        ),
        async (body, metadata) => {
          const key = `p/${++n}`;
          await lake.create(key, body, metadata);
          const found = await readWhole(lake, key);
          expect(found?.bytes.equals(body)).toBe(true);
          expect(found?.object.metadata).toEqual({ ...metadata });
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("folder arrivals", () => {
  it("lie where they are told to, apart from the lake", async () => {
    const [root, directory] = [await temporaryFolder(), await temporaryFolder()];
    const arrivals = folderArrivals({ root, directory, pollMs: 20 });
    await folderLake({ root, announce: arrivals.announce }).create("originals/ab/one", Buffer.from("x"));
    const seen: string[] = [];
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(2000), untilIdle: true })) {
      seen.push(arrival.key);
      await arrival.acknowledge();
    }
    expect(seen).toEqual(["originals/ab/one"]);
    expect(await readdir(root)).not.toContain(".arrivals");
  });

  it("tell of what went wrong with one notice and deliver the others", async () => {
    const root = await temporaryFolder();
    const errors: unknown[] = [];
    const arrivals = folderArrivals({ root, pollMs: 20, onError: (error) => errors.push(error) });
    await folderLake({ root, announce: arrivals.announce }).create("originals/ab/one", Buffer.from("x"));
    await writeFile(join(root, "originals/ab/two"), "x");
    await arrivals.announce("originals/ab/two");
    await mkdir(join(root, ".arrivals", "originals+ab+two~1"));
    const seen: string[] = [];
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(200) })) {
      seen.push(arrival.key);
      await arrival.acknowledge();
    }
    expect(seen).toEqual(["originals/ab/one"]);
    expect(errors[0]).toMatchObject({ code: "EISDIR" });
  });

  it("drops a notice whose object never appeared, and delivers the others", async () => {
    const root = await temporaryFolder();
    const arrivals = folderArrivals({ root, pollMs: 20 });
    const lake = folderLake({
      root,
      announce: (key) => (isArrivalKey(key) ? arrivals.announce(key) : Promise.resolve()),
    });
    await arrivals.announce("originals/ab/ghost");
    await lake.create("originals/ab/real", Buffer.from("x"));
    await lake.create("renditions/ab/real/r-v1/outcome.json", Buffer.from("{}"));
    const seen: string[] = [];
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(300) })) {
      seen.push(arrival.key);
      await arrival.acknowledge();
    }
    expect(seen).toEqual(["originals/ab/real"]);
    expect(await arrivals.waiting()).toBe(1);
    const clock = manualClock();
    const next = folderArrivals({ root, clock, pollMs: 20 });
    const receiving = (async () => {
      for await (const _ of next.receive({ signal: AbortSignal.timeout(5000), untilIdle: true })) {
        throw new TypeError("a ghost was delivered");
      }
    })();
    for (let n = 0; n < 20; n++) {
      clock.advance(1000);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await receiving;
    expect(await arrivals.waiting()).toBe(0);
  });

  it("keeps notices and waits no longer when the time of day jumps", async () => {
    const root = await temporaryFolder();
    let offsetMs = 0;
    const clock = { ...systemClock, now: () => new Date(Date.now() + offsetMs) };
    const arrivals = folderArrivals({ root, clock, pollMs: 20 });
    await arrivals.announce("originals/ab/slow");
    await arrivals.announce("originals/ab/given-back");
    const lake = folderLake({ root });
    await lake.create("originals/ab/given-back", Buffer.from("x"));
    offsetMs = 86_400_000;
    const seen: string[] = [];
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(2000) })) {
      seen.push(`${arrival.key} ${arrival.attempt}`);
      if (seen.length === 1) {
        await arrival.giveBack(50);
        offsetMs = 0;
        await lake.create("originals/ab/slow", Buffer.from("x"));
      } else await arrival.acknowledge();
      if (seen.length === 3) break;
    }
    expect(seen.sort()).toEqual([
      "originals/ab/given-back 1",
      "originals/ab/given-back 2",
      "originals/ab/slow 1",
    ]);
  });

  it("are the objects' own files, and go without them", async () => {
    const root = await temporaryFolder();
    const arrivals = folderArrivals({ root, pollMs: 20 });
    const lake = folderLake({ root, announce: arrivals.announceFile });
    await mkdir(join(root, ".arrivals"));
    await lake.create("originals/ab/one", Buffer.from("x"), { a: "b" });
    const [notice, object] = [join(root, ".arrivals/originals+ab+one"), join(root, "originals/ab/one")];
    expect((await stat(notice)).ino).toBe((await stat(object)).ino);
    const attempts: number[] = [];
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(2000), untilIdle: true })) {
      attempts.push(arrival.attempt);
      await (arrival.attempt < 3 ? arrival.giveBack(1) : arrival.acknowledge());
    }
    expect(attempts).toEqual([1, 2, 3]);
    expect(await readdir(join(root, ".arrivals"))).toEqual([]);
    expect(await readWhole(lake, "originals/ab/one")).toMatchObject({
      bytes: Buffer.from("x"),
      object: { metadata: { a: "b" } },
    });
  });

  it("stay for another creator of the key when one fails", async () => {
    const root = await temporaryFolder();
    const arrivals = folderArrivals({ root, pollMs: 20 });
    const other = folderLake({ root, announce: arrivals.announceFile });
    const failing = folderLake({
      root,
      async announce(key, file) {
        await arrivals.announceFile(key, file);
        await other.create(key, Buffer.from("the other's"));
        throw new Unavailable("no space left");
      },
    });
    await expect(failing.create("originals/ab/one", Buffer.from("mine"))).rejects.toThrow("no space left");
    expect((await readWhole(other, "originals/ab/one"))?.bytes.toString()).toBe("the other's");
    expect(await arrivals.waiting()).toBe(1);
    expect(await readdir(join(root, ".tmp"))).toEqual([]);
  });

  it("announces again what took so long to appear that its notice may have been dropped", async () => {
    const root = await temporaryFolder();
    const clock = manualClock();
    const announced: string[] = [];
    const lake = folderLake({
      root,
      clock,
      announce: async (key) => {
        announced.push(key);
        clock.advance(20_000);
      },
    });
    await lake.create("originals/ab/one", Buffer.from("x"));
    expect(announced).toEqual(["originals/ab/one", "originals/ab/one"]);
  });
});
