/** The port of the stream: a partitioned, ordered, replayable log of image messages that another application writes. */

import type { Refused } from "../../core/errors.ts";

export interface StreamMessage {
  readonly topic: string;
  readonly partition: number;
  /** Position in the partition; grows, starts at 0. */
  readonly offset: bigint;
  /** When the broker took the message. */
  readonly timestamp: Date;
  readonly key: Uint8Array | null;
  /** Header values are bytes: nobody promises that they are text. */
  readonly headers: Readonly<Record<string, Uint8Array>>;
  readonly value: Uint8Array;
}

export interface NewStreamMessage {
  /** Messages of one key keep their order; without a key they are spread over the partitions. */
  readonly key?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, Uint8Array | string>>;
  readonly value: Uint8Array;
}

/** Sixteen of the largest messages that Kafka takes as a rule. */
export const usualMaxInFlightBytes = 16 * 1024 * 1024;

export interface ConsumeOptions {
  /**
   * Ends the consumption: nothing new is handed out, what is in flight is finished and committed, then `consume`
   * resolves. A message that waits for its retry is not waited for; it stays uncommitted.
   */
  readonly signal: AbortSignal;
  /** At most so many messages are handed out and not yet handled. @default 16 */
  readonly maxInFlight?: number;
  /** At most so many bytes of values are handed out and not yet handled (one message may always be). @default 16 MiB */
  readonly maxInFlightBytes?: number;
}

export interface Stream {
  /**
   * Appends the messages in order; durable when it resolves. When it rejects, some may have been appended: produce again.
   * @throws Refused for a message that is too large (then none is appended), Unavailable
   */
  produce(messages: readonly NewStreamMessage[]): Promise<void>;
  /**
   * Hands every message after the group's commit to `handle`, in the order of its partition, several at a time. When
   * `handle` resolves, the message is done; the commit follows behind the contiguous prefix of done messages, so a crash
   * redelivers and never loses. When `handle` rejects, the message is handed out again after a backoff; until it is done,
   * nothing new of its partition is handed out, and the other partitions go on. So with `maxInFlight: 1` a partition is
   * handled strictly in order; with more, a handler must bear that neighbours of one key overlap.
   * @throws Misconfigured for a log that cannot be read on, Unavailable; what is in flight is finished and committed first
   */
  consume(handle: (message: StreamMessage) => Promise<void>, options: ConsumeOptions): Promise<void>;
  /**
   * Puts a message that was refused where its sender's operators look for such, with the reason; durable when it resolves,
   * and there again when repeated. Absent where there is no such place.
   * @throws Unavailable
   */
  deadLetter?(message: StreamMessage, refusal: Refused): Promise<void>;
  /** Messages that the group has not committed, over all partitions. */
  lag(): Promise<bigint>;
  /** Ends what is consumed as its signal would, then releases files and connections. */
  close(): Promise<void>;
}
