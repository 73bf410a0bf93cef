import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { journalStream } from "../../../loaders/stream/journal.ts";
import type { Stream, StreamMessage } from "../../../loaders/stream/stream.ts";
import { collect, consumeUntil, numbers } from "../../conformance/stream.ts";

describe("the journal between processes", () => {
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

  function journal(): Stream {
    const stream = journalStream({ root, topic: "images", group: "loader", partitions: 1, pollMs: 20 });
    opened.push(stream);
    return stream;
  }

  it("loses nothing that was durable when its producer is killed, again and again", async () => {
    const durable: number[] = [];
    const reading = untilKey("end");
    for (const round of [0, 1, 2]) {
      const producer = startProducer(root, `round-${round}`, 1_000_000, 20_000);
      await producer.lines(60 + round * 37);
      durable.push(await producer.kill());
    }
    await journal().produce([{ key: "end", value: Buffer.from("0") }]);
    const seen = await reading;
    expect(seen.map(({ offset }) => offset)).toEqual(seen.map((_, index) => BigInt(index)));
    for (const [round, count] of durable.entries()) {
      const ofRound = seen.filter((one) => keyOf(one) === `round-${round}`);
      const kept = ofRound.map(leadingNumber);
      expect(kept).toEqual(numbers(kept.length));
      expect(kept.length).toBeGreaterThanOrEqual(count);
    }
  });

  it("lets two processes append to one partition", async () => {
    const producers = ["one", "two"].map((name) => startProducer(root, name, 240, 1_000));
    await Promise.all(producers.map((producer) => producer.ended()));
    const seen = await collect(journal(), 480);
    expect(await journal().lag()).toBe(0n);
    for (const name of ["one", "two"]) {
      const own = seen.filter((one) => keyOf(one) === name);
      expect(own.map(leadingNumber)).toEqual(numbers(240));
    }
  });

  async function untilKey(last: string): Promise<StreamMessage[]> {
    const seen: StreamMessage[] = [];
    await consumeUntil(journal(), (done) => async (one) => {
      seen.push(one);
      if (keyOf(one) === last) done();
    });
    return seen;
  }
});

function keyOf({ key }: StreamMessage): string {
  return Buffer.from(key ?? []).toString();
}

function leadingNumber({ value }: StreamMessage): number {
  return Number.parseInt(Buffer.from(value).toString(), 10);
}

/** A producer in a process of its own. */
function startProducer(root: string, name: string, count: number, size: number) {
  const script = fileURLToPath(new URL("./produce-child.ts", import.meta.url));
  const args = ["--import", "tsx", script, root, name, String(count), String(size)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  let lines = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    lines += chunk.toString().split("\n").length - 1;
  });
  return {
    async lines(least: number) {
      while (lines < least && child.exitCode === null) await once(child.stdout, "data");
    },
    /** Ends it without any chance to clean up; tells how many messages it had seen to be durable. */
    async kill() {
      child.kill("SIGKILL");
      await exit;
      return lines;
    },
    async ended() {
      expect(await exit).toEqual([0, null]);
    },
  };
}
