/** Hands the messages of several partitions to one handler: bounded, in order, again after a rejection, committed behind. */

import { setMaxListeners } from "node:events";
import { type InFlight, inFlight } from "./in-flight.ts";
import { type OffsetPrefix, offsetPrefix } from "./offsets.ts";
import type { ConsumeOptions, StreamMessage } from "./stream.ts";

/** A message that is there to be read. */
export interface Readable {
  readonly offset: bigint;
  /** What the message will hold in memory. */
  readonly bytes: number;
}

/** One partition, read from its commit on. */
export interface PartitionSource<Item extends Readable> {
  /** The first offset that is not committed. */
  readonly start: bigint;
  /** The next message, the same one until it is read; waits until there is one, and ends with undefined on the signal. */
  peek(signal: AbortSignal): Promise<Item | undefined>;
  /** The message, also a second time; undefined when a first reading finds that it is not whole yet. */
  read(item: Item): Promise<StreamMessage | undefined>;
  /** Notes durably that everything before `next` is done; `last` is the message before it. */
  commit(next: bigint, last: Item): Promise<void>;
}

/** A message that was rejected and will be handed out again. */
export interface Retry {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Counts from 1. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly error: unknown;
}

export interface DeliveryOptions {
  /** The wait after a first rejection; it doubles with each. @default 200 */
  readonly retryMinMs?: number;
  /** @default 30000 */
  readonly retryMaxMs?: number;
  /** Commits are written at most so often. @default 100 */
  readonly commitMs?: number;
  /** Told of every rejection, for the log and the metrics. */
  readonly onRetry?: (retry: Retry) => void;
  /** Waits before a retry; resolves early on the signal. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1, for the jitter. */
  readonly random?: () => number;
}

/** A partition with one message that never ends is not read further than so many messages ahead of it. */
const maxAhead = 10_000;

type Handle = (message: StreamMessage) => Promise<void>;

/** Everything that one consumption shares. */
interface Delivery {
  readonly handle: Handle;
  readonly room: InFlight;
  readonly options: Required<Omit<DeliveryOptions, "onRetry">> & Pick<DeliveryOptions, "onRetry">;
  /** Ends on the caller's signal, on the closing of the stream and on a failure of a source. */
  readonly stop: AbortSignal;
  readonly fail: (error: unknown) => void;
  readonly commitSoon: () => void;
}

interface Partition<Item extends Readable> {
  readonly source: PartitionSource<Item>;
  readonly prefix: OffsetPrefix<Item>;
  committed: bigint;
  /** Messages that were rejected and are not done yet. While there are any, nothing new of the partition is handed out. */
  rejected: number;
  /** Tells the reading loop that a message of the partition is done. */
  progressed: () => void;
  readonly working: Set<Promise<void>>;
}

/** Runs until one of the signals, or until a source fails; then what is in flight is finished and committed. */
export async function deliver<Item extends Readable>(
  sources: readonly PartitionSource<Item>[],
  handle: Handle,
  { signal, maxInFlight = 16, maxInFlightBytes = 64 * 1024 * 1024 }: ConsumeOptions,
  options: DeliveryOptions,
  closing: AbortSignal = signal,
): Promise<void> {
  const partitions = sources.map(partitionOf);
  const commits = committer(partitions, options.commitMs ?? defaults.commitMs);
  const failures: unknown[] = [];
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // Every partition and every retry listens; Node.js would take more than ten for a leak.
  // Not AbortSignal.any: it leaves something behind in signals that outlive many consumptions.
  const end = (): void => stop.abort();
  if (signal.aborted || closing.aborted) end();
  for (const one of [signal, closing]) one.addEventListener("abort", end);
  const fail = (error: unknown): void => {
    failures.push(error);
    end();
  };
  const room = inFlight(maxInFlight, maxInFlightBytes);
  const settings = { ...defaults, ...options };
  const delivery: Delivery = {
    handle,
    room,
    options: settings,
    stop: stop.signal,
    fail,
    commitSoon: commits.soon,
  };
  await Promise.all(partitions.map((partition) => readPartition(delivery, partition).catch(fail)));
  await Promise.all(partitions.flatMap(({ working }) => [...working]));
  await commits.finish().catch(fail);
  for (const one of [signal, closing]) one.removeEventListener("abort", end);
  if (failures.length > 0) throw failures[0];
}

async function readPartition<Item extends Readable>(
  delivery: Delivery,
  partition: Partition<Item>,
): Promise<void> {
  const { source, prefix, working } = partition;
  const { room, stop } = delivery;
  while (!stop.aborted) {
    if (mustWait(partition)) {
      await progress(partition, stop);
      continue;
    }
    const item = await source.peek(stop);
    const leave = item && (await room.enter(item.bytes, stop));
    if (item === undefined || leave === undefined) return;
    // While it waited for room, a message before it may have been rejected.
    const message = mustWait(partition) ? undefined : await source.read(item).catch(releasing(leave));
    if (message === undefined || stop.aborted) {
      leave();
      continue;
    }
    prefix.handOut(item);
    const work = handleUntilDone(delivery, partition, item, message, leave).catch(delivery.fail);
    working.add(work);
    void work.then(() => working.delete(work));
  }
}

function mustWait<Item extends Readable>({ rejected, prefix }: Partition<Item>): boolean {
  return rejected > 0 || prefix.ahead >= maxAhead;
}

/** Waits until a message of the partition is done, or the signal. */
function progress<Item extends Readable>(partition: Partition<Item>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      signal.removeEventListener("abort", finish);
      resolve();
    };
    partition.progressed = finish;
    signal.addEventListener("abort", finish, { once: true });
  });
}

async function handleUntilDone<Item extends Readable>(
  delivery: Delivery,
  partition: Partition<Item>,
  item: Item,
  message: StreamMessage,
  leave: () => void,
): Promise<void> {
  let error = await attempt(delivery.handle, message);
  if (error === undefined) {
    done(delivery, partition, item, leave);
    return;
  }
  partition.rejected += 1;
  for (let attempts = 1; error !== undefined; attempts += 1) {
    // The room is given back for the wait: rejected messages of one partition must not keep the others from going on.
    leave();
    if (!(await backOff(delivery, message, attempts, error.thrown))) return;
    const again = await delivery.room.enter(item.bytes, delivery.stop);
    if (again === undefined) return;
    leave = again;
    const reread = await partition.source.read(item).catch(releasing(leave));
    if (reread === undefined) return leave();
    error = await attempt(delivery.handle, reread);
  }
  partition.rejected -= 1;
  done(delivery, partition, item, leave);
}

function done<Item extends Readable>(
  delivery: Delivery,
  partition: Partition<Item>,
  item: Item,
  leave: () => void,
): void {
  partition.prefix.done(item.offset);
  leave();
  partition.progressed();
  delivery.commitSoon();
}

/** Undefined when the message was handled; a wrapper otherwise, since anything may be thrown, even undefined. */
async function attempt(handle: Handle, message: StreamMessage): Promise<{ thrown: unknown } | undefined> {
  try {
    await handle(message);
    return undefined;
  } catch (thrown) {
    return { thrown };
  }
}

/** Waits before the next attempt, between half and all of the doubled delay; false when the consumption ends instead. */
async function backOff(
  { options, stop }: Delivery,
  { topic, partition, offset }: Pick<StreamMessage, "topic" | "partition" | "offset">,
  attempts: number,
  error: unknown,
): Promise<boolean> {
  const { retryMinMs, retryMaxMs, random, sleep, onRetry } = options;
  const delayMs = Math.min(retryMaxMs, retryMinMs * 2 ** (attempts - 1)) * (0.5 + random() / 2);
  onRetry?.({ topic, partition, offset, attempt: attempts, delayMs, error });
  if (!stop.aborted) await sleep(delayMs, stop);
  return !stop.aborted;
}

/** Writes the commits of all partitions together, some time after the first message that is done. */
function committer<Item extends Readable>(partitions: readonly Partition<Item>[], everyMs: number) {
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    for (const partition of partitions) {
      const { next, last } = partition.prefix;
      if (next === partition.committed || last === undefined) continue;
      await partition.source.commit(next, last);
      partition.committed = next;
    }
  }

  function soon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      // A commit that cannot be written now is tried again; what it covers would only be delivered once more.
      writing = writing.then(write).catch(soon);
    }, everyMs);
  }

  async function finish(): Promise<void> {
    await writing;
    clearTimeout(timer);
    await write();
  }

  return { soon, finish };
}

function partitionOf<Item extends Readable>(source: PartitionSource<Item>): Partition<Item> {
  return {
    source,
    prefix: offsetPrefix<Item>(source.start),
    committed: source.start,
    rejected: 0,
    progressed: () => undefined,
    working: new Set(),
  };
}

function releasing(leave: () => void): (error: unknown) => never {
  return (error) => {
    leave();
    throw error;
  };
}

const defaults = {
  retryMinMs: 200,
  retryMaxMs: 30_000,
  commitMs: 100,
  random: Math.random,
  sleep: (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      signal.addEventListener("abort", finish, { once: true });
    }),
};
