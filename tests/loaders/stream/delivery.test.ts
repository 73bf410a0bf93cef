import { describe, expect, it } from "@jest/globals";
import { deliver, startDelivery } from "../../../loaders/stream/delivery.ts";
import type { Retry } from "../../../loaders/stream/hand-out.ts";
import type { PartitionSource, Readable } from "../../../loaders/stream/partition-source.ts";
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

  describe("with partitions that come and go", () => {
    const never = () => new Promise<void>(() => undefined);

    it("hands out what is added, and ends when told to", async () => {
      const abort = new AbortController();
      const seen: number[] = [];
      const delivery = startDelivery<Readable>(
        async ({ partition }) => void seen.push(partition),
        { signal: abort.signal },
        {},
      );
      const sources = [partitionOf(0, 2), partitionOf(1, 2)] as const;
      delivery.add(sources[0]);
      await new Promise((resolve) => setTimeout(resolve, 10));
      delivery.add(sources[1]);
      await new Promise((resolve) => setTimeout(resolve, 10));
      abort.abort();
      await delivery.finish();
      expect(seen).toEqual([0, 0, 1, 1]);
      expect(sources.map(({ commits }) => commits)).toEqual([[2n], [2n]]);
    });

    it("waits for what is in flight of a partition that goes, commits it, and leaves the others alone", async () => {
      const abort = new AbortController();
      const finish: (() => void)[] = [];
      const handle = ({ partition }: { partition: number }) =>
        partition === 0 ? new Promise<void>((resolve) => void finish.push(resolve)) : Promise.resolve();
      const delivery = startDelivery<Readable>(
        handle,
        { signal: abort.signal, maxInFlight: 3 },
        { commitMs: 5 },
      );
      const [going, staying] = [partitionOf(0, 50), partitionOf(1, 50)];
      delivery.add(going);
      delivery.add(staying);
      await new Promise((resolve) => setTimeout(resolve, 10));
      const removing = delivery.remove(going, 10_000);
      const inFlight = finish.length;
      for (const one of finish) one();
      await removing;
      expect(going.commits).toEqual([BigInt(inFlight)]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      abort.abort();
      await delivery.finish();
      expect(finish).toHaveLength(inFlight);
      expect(staying.commits.at(-1)).toBe(50n);
    });

    it("never commits for a partition that has gone, whatever finishes later", async () => {
      const abort = new AbortController();
      const finish: (() => void)[] = [];
      const handle = () => new Promise<void>((resolve) => void finish.push(resolve));
      const delivery = startDelivery<Readable>(handle, { signal: abort.signal }, { commitMs: 1 });
      const source = partitionOf(0, 3);
      delivery.add(source);
      await new Promise((resolve) => setTimeout(resolve, 10));
      finish[0]?.();
      await delivery.remove(source, 40);
      expect(source.commits).toEqual([1n]);
      for (const one of finish) one();
      await new Promise((resolve) => setTimeout(resolve, 20));
      abort.abort();
      await delivery.finish();
      expect(source.commits).toEqual([1n]);
    });

    it("does not wait longer than it may for a commit that does not come back", async () => {
      const abort = new AbortController();
      const delivery = startDelivery<Readable>(
        async () => undefined,
        { signal: abort.signal },
        { commitMs: 1_000 },
      );
      const source = { ...partitionOf(0, 1), commit: never };
      delivery.add(source);
      await new Promise((resolve) => setTimeout(resolve, 10));
      const startedMs = performance.now();
      await delivery.remove(source, 60);
      expect(performance.now() - startedMs).toBeLessThan(1_000);
      abort.abort();
      await delivery.finish();
    });

    it("gives up the retry of a message whose partition has gone", async () => {
      const abort = new AbortController();
      let attempts = 0;
      const handle = async (): Promise<void> => {
        attempts += 1;
        throw new TypeError("never");
      };
      const released: bigint[] = [];
      const source = { ...partitionOf(0, 1), release: ({ offset }: Readable) => void released.push(offset) };
      const delivery = startDelivery<Readable>(
        handle,
        { signal: abort.signal },
        { retryMinMs: 20, retryMaxMs: 20 },
      );
      delivery.add(source);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await delivery.remove(source, 1_000);
      const before = attempts;
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(attempts).toBe(before);
      expect(released).toEqual([0n]);
      abort.abort();
      await delivery.finish();
    });

    it("commits one partition though another's commit fails, and tells of it at the end", async () => {
      const abort = new AbortController();
      const failing = {
        ...partitionOf(0, 1),
        commit: async () => Promise.reject(new TypeError("no commit")),
      };
      const good = partitionOf(1, 1);
      const delivery = startDelivery<Readable>(
        async () => undefined,
        { signal: abort.signal },
        { commitMs: 5 },
      );
      delivery.add(failing);
      delivery.add(good);
      await new Promise((resolve) => setTimeout(resolve, 40));
      expect(good.commits).toEqual([1n]);
      abort.abort();
      await expect(delivery.finish()).rejects.toThrow("no commit");
    });
  });
});
