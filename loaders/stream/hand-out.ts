/** Hands the messages of one partition out: in order, within the room that all partitions share, again after a rejection. */

import { setMaxListeners } from "node:events";
import type { InFlight } from "./in-flight.ts";
import { type OffsetPrefix, offsetPrefix } from "./offsets.ts";
import type { PartitionSource, Readable } from "./partition-source.ts";
import type { StreamMessage } from "./stream.ts";

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

export interface RetryOptions {
  /** The wait after a first rejection; it doubles with each. @default 200 */
  readonly retryMinMs: number;
  /** @default 30000 */
  readonly retryMaxMs: number;
  /** Told of every rejection, for the log and the metrics. */
  readonly onRetry?: (retry: Retry) => void;
  /** Waits before a retry; resolves early on the signal. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
}

export type Handle = (message: StreamMessage) => Promise<void>;

/** Everything that the partitions of one consumption share. */
export interface HandOut {
  readonly handle: Handle;
  readonly room: InFlight;
  readonly options: RetryOptions;
  readonly fail: (error: unknown) => void;
  readonly commitSoon: () => void;
}

export interface Partition<Item extends Readable> {
  readonly source: PartitionSource<Item>;
  readonly prefix: OffsetPrefix<Item>;
  /** Ends the handing out. */
  readonly stop: AbortController;
  readonly working: Set<Promise<void>>;
  committed: bigint;
  /** Nothing is committed any more: the partition is somebody else's. */
  isOver: boolean;
  /** Messages that were rejected and are not done yet. While there are any, nothing new of the partition is handed out. */
  rejected: number;
  /** Tells the reading loop that a message of the partition is done. */
  progressed: () => void;
}

/** A partition with one message that never ends is not read further than so many messages ahead of it. */
const maxAhead = 10_000;

export function partitionOf<Item extends Readable>(source: PartitionSource<Item>): Partition<Item> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // Every retry listens; Node.js would take more than ten for a leak.
  return {
    source,
    prefix: offsetPrefix<Item>(source.start),
    stop,
    working: new Set(),
    committed: source.start,
    isOver: false,
    rejected: 0,
    progressed: () => undefined,
  };
}

/** Reads and hands out until the partition is stopped; what it handed out is in `working` until it is done or given up. */
export async function readPartition<Item extends Readable>(
  handOut: HandOut,
  partition: Partition<Item>,
): Promise<void> {
  const { source, prefix, working } = partition;
  const stop = partition.stop.signal;
  while (!stop.aborted) {
    if (mustWait(partition)) {
      await progress(partition, stop);
      continue;
    }
    const item = await source.peek(stop);
    const leave = item && (await handOut.room.enter(item.bytes, stop));
    if (item === undefined || leave === undefined) return;
    // While it waited for room, a message before it may have been rejected.
    const message = mustWait(partition) ? undefined : await source.read(item).catch(releasing(leave));
    if (message === undefined || stop.aborted) {
      leave();
      continue;
    }
    prefix.handOut(item);
    const work = handleUntilDone(handOut, partition, item, message, leave)
      .catch(handOut.fail)
      .finally(() => source.release?.(item));
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
  handOut: HandOut,
  partition: Partition<Item>,
  item: Item,
  message: StreamMessage,
  leave: () => void,
): Promise<void> {
  const stop = partition.stop.signal;
  let error = await attempt(handOut.handle, message);
  if (error === undefined) return done(handOut, partition, item, leave);
  partition.rejected += 1;
  for (let attempts = 1; error !== undefined; attempts += 1) {
    // The room is given back for the wait: rejected messages of one partition must not keep the others from going on.
    leave();
    if (!(await backOff(handOut.options, stop, message, attempts, error.thrown))) return;
    const again = await handOut.room.enter(item.bytes, stop);
    if (again === undefined) return;
    leave = again;
    const reread = await partition.source.read(item).catch(releasing(leave));
    if (reread === undefined) return leave();
    error = await attempt(handOut.handle, reread);
  }
  partition.rejected -= 1;
  done(handOut, partition, item, leave);
}

function done<Item extends Readable>(
  handOut: HandOut,
  partition: Partition<Item>,
  item: Item,
  leave: () => void,
): void {
  partition.prefix.done(item.offset);
  leave();
  partition.progressed();
  handOut.commitSoon();
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
  { retryMinMs, retryMaxMs, random, sleep, onRetry }: RetryOptions,
  stop: AbortSignal,
  { topic, partition, offset }: Pick<StreamMessage, "topic" | "partition" | "offset">,
  attempts: number,
  error: unknown,
): Promise<boolean> {
  const delayMs = Math.min(retryMaxMs, retryMinMs * 2 ** (attempts - 1)) * (0.5 + random() / 2);
  onRetry?.({ topic, partition, offset, attempt: attempts, delayMs, error });
  if (!stop.aborted) await sleep(delayMs, stop);
  return !stop.aborted;
}

function releasing(leave: () => void): (error: unknown) => never {
  return (error) => {
    leave();
    throw error;
  };
}
