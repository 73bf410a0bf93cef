import { describe, expect, it } from "@jest/globals";
import {
  deliver,
  type PartitionSource,
  type Readable,
  type Retry,
} from "../../../loaders/stream/delivery.ts";
import { consumeUntil, numbers } from "../../conformance/stream.ts";

interface Recorded extends PartitionSource<Readable> {
  readonly commits: bigint[];
}

/** A partition of so many empty messages that records its commits. */
function partitionOf(partition: number, count: number): Recorded {
  let next = 0;
  const commits: bigint[] = [];
  return {
    commits,
    start: 0n,
    async peek(signal) {
      if (next < count) return { offset: BigInt(next), bytes: 0 };
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return undefined;
    },
    async read({ offset }) {
      next = Math.max(next, Number(offset) + 1);
      const value = new Uint8Array(0);
      return { topic: "images", partition, offset, timestamp: new Date(0), key: null, headers: {}, value };
    },
    async commit(offset) {
      commits.push(offset);
    },
  };
}

describe("delivery", () => {
  it("commits in groups and at the end, not for each message", async () => {
    const source = partitionOf(0, 500);
    let handled = 0;
    const abort = new AbortController();
    const handle = async (): Promise<void> => {
      handled += 1;
      if (handled === 500) abort.abort();
    };
    await deliver([source], handle, { signal: abort.signal }, { commitMs: 1_000 });
    expect(source.commits).toEqual([500n]);
  });

  it("doubles the wait after each rejection up to the limit, with jitter, and tells of it", async () => {
    const retries: Retry[] = [];
    const slept: number[] = [];
    const abort = new AbortController();
    let attempts = 0;
    const handle = async (): Promise<void> => {
      attempts += 1;
      if (attempts < 6) throw new TypeError("busy");
      abort.abort();
    };
    await deliver(
      [partitionOf(0, 1)],
      handle,
      { signal: abort.signal },
      {
        retryMinMs: 100,
        retryMaxMs: 1_000,
        random: () => 0.5,
        onRetry: (retry) => retries.push(retry),
        sleep: async (ms) => void slept.push(ms),
      },
    );
    expect(slept).toEqual([75, 150, 300, 600, 750]);
    expect(retries.map(({ attempt, offset }) => [attempt, offset])).toEqual(
      numbers(5).map((index) => [index + 1, 0n]),
    );
  });

  it("lets other partitions use the room of messages that wait for their retry", async () => {
    const sources = [partitionOf(0, 50), partitionOf(1, 50)];
    let others = 0;
    const stream = {
      consume: (handle: Parameters<typeof deliver>[1], options: { signal: AbortSignal }) =>
        deliver(
          sources,
          handle,
          { ...options, maxInFlight: 4 },
          { retryMinMs: 100_000, retryMaxMs: 100_000 },
        ),
    };
    await consumeUntil(stream, (done) => async ({ partition }) => {
      if (partition === 0) throw new TypeError("never");
      others += 1;
      if (others === 50) done();
    });
    expect(sources.map(({ commits }) => commits.at(-1))).toEqual([undefined, 50n]);
  });

  it("bears many partitions and many rejections at once without a warning", async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warned);
    const sources = numbers(40).map((partition) => partitionOf(partition, 3));
    const abort = new AbortController();
    let rejections = 0;
    const handle = async (): Promise<void> => {
      rejections += 1;
      if (rejections === 40) setTimeout(() => abort.abort(), 5);
      throw new TypeError("never");
    };
    await deliver(
      sources,
      handle,
      { signal: abort.signal, maxInFlight: 100 },
      { retryMinMs: 100_000, retryMaxMs: 100_000 },
    );
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", warned);
    expect(warnings).toEqual([]);
  });

  it("finishes what is in flight, commits it and then throws when a source fails", async () => {
    const good = partitionOf(0, 1);
    const peek = (): Promise<never> =>
      new Promise((_, reject) => setTimeout(() => reject(new TypeError("damaged")), 5));
    const bad = { ...partitionOf(1, 1), peek };
    const { signal } = new AbortController();
    const slow = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    await expect(deliver([good, bad], slow, { signal }, {})).rejects.toThrow("damaged");
    expect(good.commits).toEqual([1n]);
  });
});
