import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Misconfigured, Refused } from "../../../core/errors.ts";
import { type JournalStreamOptions, journalStream } from "../../../loaders/stream/journal.ts";
import type { Stream } from "../../../loaders/stream/stream.ts";
import {
  collect,
  consumeUntil,
  message,
  numberOf,
  numbers,
  streamConformance,
} from "../../conformance/stream.ts";

streamConformance("the journal", async () => {
  const root = await mkdtemp(join(tmpdir(), "darkroom-journal-"));
  const opened: Stream[] = [];
  return {
    open(group = "default") {
      const stream = journalStream({
        root,
        topic: "images",
        group,
        retryMinMs: 1,
        retryMaxMs: 5,
        commitMs: 5,
      });
      opened.push(stream);
      return stream;
    },
    async dispose() {
      await Promise.all(opened.map((stream) => stream.close()));
      await rm(root, { recursive: true, force: true });
    },
  };
});

describe("the journal", () => {
  let root: string;
  let opened: Stream[] = [];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "darkroom-journal-"));
  });
  afterEach(async () => {
    await Promise.all(opened.map((stream) => stream.close()));
    opened = [];
    await rm(root, { recursive: true, force: true });
  });

  /** A client of one partition, so that a test knows which file its messages are in. */
  function journal(options: Partial<JournalStreamOptions> = {}): Stream {
    const stream = journalStream({
      root,
      topic: "images",
      group: "loader",
      partitions: 1,
      pollMs: 20,
      ...options,
    });
    opened.push(stream);
    return stream;
  }

  const logFile = (base = 0): string => join(root, "images", "0", `${String(base).padStart(20, "0")}.log`);
  const commitFile = (): string => join(root, "images", "groups", "loader", "0");
  const sizeOfLog = async (): Promise<number> => (await readFile(logFile())).length;

  /** Produces messages of one length one by one, and tells where each ends. */
  async function produced(count: number): Promise<number[]> {
    const ends: number[] = [];
    for (const index of numbers(count)) {
      await journal().produce([message("k", index)]);
      ends.push(await sizeOfLog());
    }
    return ends;
  }

  it("cuts off a torn tail at any byte, and goes on with its offset", async () => {
    const [, second = 0, third = 0] = await produced(3);
    const whole = await readFile(logFile());
    for (let end = second; end < third; end += 1) {
      await writeFile(logFile(), whole.subarray(0, end));
      expect(await journal({ group: `lag-${end}` }).lag()).toBe(2n);
      await journal().produce([message("k", 9)]);
      const seen = await collect(journal({ group: `read-${end}` }), 3);
      expect(seen.map(numberOf)).toEqual([0, 1, 9]);
      expect(seen.map(({ offset }) => offset)).toEqual([0n, 1n, 2n]);
    }
  });

  it("cuts off a tail whose length reached the disk and whose bytes did not", async () => {
    const [, second = 0, third = 0] = await produced(3);
    const whole = await readFile(logFile());
    const headerOnly = Buffer.concat([
      whole.subarray(second, second + 20),
      Buffer.alloc(third - second - 20),
    ]);
    const tails = { zeros: Buffer.alloc(300), ones: Buffer.alloc(300, 0xff), headerOnly };
    for (const [name, tail] of Object.entries(tails)) {
      await writeFile(logFile(), Buffer.concat([whole.subarray(0, second), tail]));
      await journal().produce([message("k", 9)]);
      expect((await collect(journal({ group: name }), 3)).map(numberOf)).toEqual([0, 1, 9]);
    }
  });

  it("is not misled by a torn message that carries the bytes of later records", async () => {
    const [first = 0] = await produced(4);
    const later = (await readFile(logFile())).subarray(first);
    await truncate(logFile(), first);
    await journal().produce([{ key: "k", value: later }]);
    await truncate(logFile(), (await sizeOfLog()) - 1);
    await journal().produce([message("k", 9)]);
    expect((await collect(journal(), 2)).map(numberOf)).toEqual([0, 9]);
  });

  it("waits at a torn tail without delivering it, and delivers what replaces it", async () => {
    const [, second = 0] = await produced(2);
    await truncate(logFile(), second - 1);
    const seen: number[] = [];
    await consumeUntil(journal(), (done) => async (one) => {
      seen.push(numberOf(one));
      if (numberOf(one) === 0) setTimeout(() => void journal().produce([message("k", 7)]), 80);
      if (numberOf(one) === 7) done();
    });
    expect(seen).toEqual([0, 7]);
  });

  it("stops at damage in the middle, and names the file and the byte", async () => {
    const [first = 0, second = 0] = await produced(3);
    const whole = await readFile(logFile());
    for (let at = first; at < second; at += 1) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x55, at);
      await writeFile(logFile(), damaged);
      const seen: number[] = [];
      const consuming = consumeUntil(
        journal({ group: `g${at}` }),
        () => async (one) => void seen.push(numberOf(one)),
      );
      await expect(consuming).rejects.toThrow(Misconfigured);
      await expect(consuming).rejects.toThrow(`${logFile()} is damaged at byte ${first}:`);
      expect(seen).toEqual([0]);
    }
    await expect(journal().produce([message("k", 3)])).rejects.toThrow(`damaged at byte ${first}:`);
  });

  it("goes on behind the damage with the commit that the message tells", async () => {
    const [first = 0] = await produced(4);
    const whole = await readFile(logFile());
    whole.fill(0, first, first + 30);
    await writeFile(logFile(), whole);
    const error: unknown = await collect(journal(), 4).catch((thrown: unknown) => thrown);
    const told = /make (\{.*?\}) the group's commit/.exec(String(error))?.[1] ?? "";
    await writeFile(commitFile(), told);
    expect((await collect(journal(), 2)).map(numberOf)).toEqual([2, 3]);
  });

  it("stops when a file ends early although a later one exists", async () => {
    const stream = journal({ fileBytes: 1 });
    await stream.produce(numbers(3).map((index) => message("k", index)));
    const size = await sizeOfLog();
    for (const end of [0, size - 1]) {
      await truncate(logFile(), end);
      await expect(collect(journal({ group: `g${end}` }), 3)).rejects.toThrow("damaged at byte 0:");
    }
  });

  it("rolls over to a new file by bytes, and reads on from one to the next", async () => {
    const stream = journal({ fileBytes: 100 });
    await stream.produce(numbers(10).map((index) => message("k", index)));
    await journal({ fileBytes: 100 }).produce([message("k", 10)]);
    await stream.produce([message("k", 11)]);
    const files = (await readdir(join(root, "images", "0"))).sort();
    expect(files.slice(0, 3)).toEqual([0, 3, 6].map((base) => `${String(base).padStart(20, "0")}.log`));
    expect((await collect(stream, 12)).map(numberOf)).toEqual(numbers(12));
    expect(await stream.lag()).toBe(0n);
  });

  it("restarts from the commit without reading what is before it", async () => {
    const ends = await produced(6);
    const whole = await readFile(logFile());
    await truncate(logFile(), ends[4]);
    await collect(journal(), 5);
    whole.write("not a record", 0);
    await writeFile(logFile(), whole);
    expect((await collect(journal(), 1)).map(numberOf)).toEqual([5]);
    await expect(collect(journal({ group: "new" }), 1)).rejects.toThrow("damaged at byte 0:");
  });

  it("finds the place of a commit whose byte position is wrong", async () => {
    await produced(5);
    await consumeUntil(journal(), (done) => async (one) => (numberOf(one) === 2 ? done() : undefined), {
      maxInFlight: 1,
    });
    const commit: unknown = JSON.parse(await readFile(commitFile(), "utf8"));
    expect(commit).toMatchObject({ offset: "3", base: "0" });
    for (const position of [0, 7, 1_000_000]) {
      await writeFile(commitFile(), JSON.stringify({ offset: "3", base: "0", position }));
      const seen: number[] = [];
      await consumeUntil(
        journal(),
        (done) => async (one) => {
          seen.push(numberOf(one));
          done();
        },
        { maxInFlight: 1 },
      );
      expect(seen).toEqual([3]);
    }
  });

  it("refuses a commit that the log does not reach, and one that is not a commit", async () => {
    await produced(2);
    await collect(journal(), 2);
    await truncate(logFile(), 0);
    await expect(collect(journal(), 1)).rejects.toThrow("commit for");
    await writeFile(commitFile(), "nonsense");
    await expect(collect(journal(), 1)).rejects.toThrow(
      `${commitFile()} holds "nonsense"; expected is a commit`,
    );
  });

  it("names settings that cannot be used", async () => {
    expect(() => journal({ topic: "../up", partitions: 0 })).toThrow(
      /topic is .*\npartitions is 0; expected/,
    );
    await journal().lag();
    await expect(journal({ partitions: 2 }).lag()).rejects.toThrow(
      "a topic keeps the number it was made with",
    );
  });

  it("refuses a message that is too large, and appends nothing of its call", async () => {
    const stream = journal({ maxMessageBytes: 50 });
    const tooLarge = { value: new Uint8Array(51) };
    await expect(stream.produce([message("k", 0), tooLarge])).rejects.toThrow(Refused);
    expect(await stream.lag()).toBe(0n);
  });
});
