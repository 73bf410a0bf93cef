/** The promises of the stream port as tests: every adapter's own test calls this suite. */

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { ConsumeOptions, NewStreamMessage, Stream, StreamMessage } from "../../loaders/stream/stream.ts";

export interface StreamHarness {
  /** A stream of one topic with at least two partitions; every call is another client of the same log. Retries fast. */
  open(group?: string): Promise<Stream> | Stream;
  /** Closes what was opened and removes the log. */
  dispose(): Promise<void>;
  /** How long it may take until a consumption hands out its first message. @default 0 */
  readonly startMs?: number;
}

export function streamConformance(
  name: string,
  makeHarness: () => Promise<StreamHarness> | StreamHarness,
): void {
  describe(`${name} keeps the promises of a stream:`, () => {
    let harness: StreamHarness;
    beforeEach(async () => {
      harness = await makeHarness();
    });
    afterEach(() => harness.dispose());

    it("hands out every message with its key, headers and value", async () => {
      const stream = await harness.open();
      const before = Date.now();
      await stream.produce([
        { key: "a", headers: { type: "image/png", raw: Uint8Array.of(0, 255) }, value: Uint8Array.of(1, 2) },
        { value: new Uint8Array(0) },
      ]);
      const seen = await collect(stream, 2);
      const [keyed] = seen.filter((message) => message.key !== null);
      const [bare] = seen.filter((message) => message.key === null);
      expect(textOf(keyed?.key)).toBe("a");
      expect(textOf(keyed?.headers.type)).toBe("image/png");
      expect([...(keyed?.headers.raw ?? [])]).toEqual([0, 255]);
      expect([...(keyed?.value ?? [])]).toEqual([1, 2]);
      expect(bare?.value.length).toBe(0);
      expect(Object.keys(bare?.headers ?? { no: 1 })).toEqual([]);
      expect(Math.abs((keyed?.timestamp.getTime() ?? 0) - before)).toBeLessThan(60_000);
    });

    it("keeps the messages of one key in one partition and in order, with offsets that grow", async () => {
      const stream = await harness.open();
      const messages = Array.from({ length: 120 }, (_, index) => message(`key-${index % 7}`, index));
      await stream.produce(messages.slice(0, 60));
      await stream.produce(messages.slice(60));
      const seen = await collect(stream, 120);
      for (let key = 0; key < 7; key += 1) {
        const ofKey = seen.filter((one) => textOf(one.key) === `key-${key}`);
        expect(new Set(ofKey.map(({ partition }) => partition)).size).toBe(1);
        expect(ofKey.map(numberOf)).toEqual(numbers(120).filter((index) => index % 7 === key));
        expect(ofKey.map(({ offset }) => offset)).toEqual(ofKey.map(({ offset }) => offset).sort(ascending));
      }
    });

    it("spreads messages without a key over the partitions", async () => {
      const stream = await harness.open();
      await stream.produce(numbers(40).map((index) => message(undefined, index)));
      const seen = await collect(stream, 40);
      expect(new Set(seen.map(({ partition }) => partition)).size).toBeGreaterThan(1);
    });

    it("appends nothing and resolves when there is nothing to append", async () => {
      const stream = await harness.open();
      await stream.produce([]);
      expect(await stream.lag()).toBe(0n);
    });

    it("goes on behind the commit, and tells the lag", async () => {
      const first = await harness.open("loader");
      await first.produce(numbers(10).map((index) => message("k", index)));
      expect(await first.lag()).toBe(10n);
      await collect(first, 10);
      expect(await first.lag()).toBe(0n);
      await first.close();

      const second = await harness.open("loader");
      await second.produce([message("k", 10), message("k", 11)]);
      expect(await second.lag()).toBe(2n);
      expect((await collect(second, 2)).map(numberOf)).toEqual([10, 11]);
    });

    it("gives each group every message", async () => {
      const one = await harness.open("one");
      const two = await harness.open("two");
      await one.produce(numbers(5).map((index) => message("k", index)));
      expect((await collect(one, 5)).map(numberOf)).toEqual(numbers(5));
      expect((await collect(two, 5)).map(numberOf)).toEqual(numbers(5));
    });

    it("hands out messages that another client produces while it waits", async () => {
      const reader = await harness.open();
      const writer = await harness.open();
      const seen = collect(reader, 3);
      await writer.produce([message("k", 0)]);
      await writer.produce([message("k", 1), message("k", 2)]);
      expect((await seen).map(numberOf)).toEqual([0, 1, 2]);
    });

    it("hands a rejected message out again, and nothing new of its partition before, while others go on", async () => {
      const stream = await harness.open();
      await stream.produce(numbers(40).map((index) => message(`key-${index}`, index)));
      const seen: StreamMessage[] = [];
      let rejections = 0;
      let refused: StreamMessage | undefined;
      await consumeUntil(
        stream,
        (done) => async (one) => {
          refused ??= one;
          const othersDone = seen.filter(({ partition }) => partition !== refused?.partition).length;
          if (
            one.partition === refused.partition &&
            one.offset === refused.offset &&
            (rejections < 3 || othersDone < 5)
          ) {
            rejections += 1;
            throw new TypeError("not yet");
          }
          seen.push(one);
          if (seen.length === 40) done();
        },
        { maxInFlight: 1 },
      );
      expect(rejections).toBeGreaterThanOrEqual(3);
      const ofPartition = seen.filter(({ partition }) => partition === refused?.partition);
      expect(ofPartition.map(({ offset }) => offset)).toEqual(ofPartition.map((_, index) => BigInt(index)));
      expect(new Set(seen.map(numberOf)).size).toBe(40);
      expect(await stream.lag()).toBe(0n);
    });

    it("does not commit beyond a message that is not done", async () => {
      const first = await harness.open("loader");
      await first.produce(numbers(8).map((index) => message("k", index)));
      let handled = 0;
      await consumeUntil(
        first,
        (done) => async (one) => {
          if (numberOf(one) === 2) throw new TypeError("never");
          handled += 1;
          if (handled === 7) done();
        },
        {},
        400 + (harness.startMs ?? 0),
      );
      await first.close();
      const second = await harness.open("loader");
      expect(await second.lag()).toBe(6n);
      expect((await collect(second, 6)).map(numberOf)).toEqual([2, 3, 4, 5, 6, 7]);
    });

    it("hands out no more than may be in flight, by count and by bytes", async () => {
      const stream = await harness.open();
      await stream.produce(numbers(60).map((index) => ({ key: `${index}`, value: new Uint8Array(1000) })));
      const byCount = await mostInFlight(stream, 30, { maxInFlight: 3 });
      expect(byCount).toBe(3);
      const byBytes = await mostInFlight(stream, 25, { maxInFlightBytes: 2_500 });
      expect(byBytes).toBe(2);
    });

    it("hands out a message that is larger than all that may be in flight, alone", async () => {
      const stream = await harness.open();
      await stream.produce([message("a", 0), { key: "b", value: new Uint8Array(5000) }, message("c", 2)]);
      expect(await mostInFlight(stream, 3, { maxInFlightBytes: 1 })).toBe(1);
    });

    it("finishes and commits what is in flight when the signal ends it", async () => {
      const stream = await harness.open();
      await stream.produce(numbers(3).map((index) => message("k", index)));
      const abort = new AbortController();
      const finished: number[] = [];
      await stream.consume(
        async (one) => {
          abort.abort();
          await pause(30);
          finished.push(numberOf(one));
        },
        { signal: abort.signal, maxInFlight: 1 },
      );
      expect(finished).toEqual([0]);
      expect(await stream.lag()).toBe(2n);
    });

    it("resolves at once for a signal that is already over", async () => {
      const stream = await harness.open();
      await stream.produce([message("k", 0)]);
      await stream.consume(async () => undefined, { signal: AbortSignal.abort() });
      expect(await stream.lag()).toBe(1n);
    });

    it("ends its consumption when it is closed, and takes no more", async () => {
      const stream = await harness.open();
      const consuming = stream.consume(async () => undefined, { signal: new AbortController().signal });
      await stream.close();
      await consuming;
      await expect(stream.produce([message("k", 0)])).rejects.toThrow(/closed/);
    });
  });
}

/** Consumes until so many messages were handed out, all of them done; they come in the order of their hand-out. */
export async function collect(stream: Pick<Stream, "consume">, count: number): Promise<StreamMessage[]> {
  const seen: StreamMessage[] = [];
  await consumeUntil(stream, (done) => async (one) => {
    seen.push(one);
    if (seen.length === count) done();
  });
  return seen;
}

/** Consumes until the handler calls `done`, or the time is over. */
export async function consumeUntil(
  stream: Pick<Stream, "consume">,
  handler: (done: () => void) => (message: StreamMessage) => Promise<void>,
  limits: Omit<ConsumeOptions, "signal"> = {},
  timeoutMs = 10_000,
): Promise<void> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    await stream.consume(
      handler(() => abort.abort()),
      { ...limits, signal: abort.signal },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** A small message whose value is the number. */
export function message(key: string | undefined, index: number): NewStreamMessage {
  const value = Buffer.from(String(index));
  return key === undefined ? { value } : { key, value };
}

export function numberOf({ value }: Pick<StreamMessage, "value">): number {
  return Number(textOf(value));
}

export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function textOf(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString("utf8");
}

function ascending(one: bigint, other: bigint): number {
  return one < other ? -1 : 1;
}

async function mostInFlight(
  stream: Stream,
  count: number,
  limits: Omit<ConsumeOptions, "signal">,
): Promise<number> {
  let current = 0;
  let most = 0;
  let handled = 0;
  await consumeUntil(
    stream,
    (done) => async () => {
      current += 1;
      most = Math.max(most, current);
      await pause(3);
      current -= 1;
      handled += 1;
      if (handled === count) done();
    },
    limits,
  );
  return most;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
