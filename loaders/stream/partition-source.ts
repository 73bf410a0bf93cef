/** What an adapter of the stream has to offer of one partition, so that delivery.ts can hand its messages out. */

import type { StreamMessage } from "./stream.ts";

/** A message that is there to be read. */
export interface Readable {
  readonly offset: bigint;
  /** Where the partition goes on behind it, when that is not the next offset. */
  readonly next?: bigint;
  /** What the message will hold in memory. */
  readonly bytes: number;
}

/** One partition, read from its commit on. */
export interface PartitionSource<Item extends Readable> {
  /** The first offset that is not committed, or any before it. */
  readonly start: bigint;
  /** The next message, the same one until it is read; waits until there is one, and ends with undefined on the signal. */
  peek(signal: AbortSignal): Promise<Item | undefined>;
  /** The message, also a second time; undefined when a first reading finds that it is not whole yet. */
  read(item: Item): Promise<StreamMessage | undefined>;
  /** Notes durably that everything before `next` is done; `last` is the message before it. */
  commit(next: bigint, last: Item): Promise<void>;
  /** Told that a message that was read is done or given up: it will not be read again. */
  release?(item: Item): void;
}
