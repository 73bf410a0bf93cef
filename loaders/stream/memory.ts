/** A stream in memory: the reference for the port's promises, and the double in other rooms' tests. */

import { Unavailable } from "../../core/errors.ts";
import { type DeliveryOptions, deliver } from "./delivery.ts";
import { messageBytes, partitioner } from "./new-message.ts";
import type { PartitionSource, Readable } from "./partition-source.ts";
import type { Stream, StreamMessage } from "./stream.ts";

/** What streams of one topic share: the messages, and where each group has come to. */
export interface MemoryLog {
  readonly topic: string;
  readonly partitions: readonly StreamMessage[][];
  /** The commit of each group and partition, by `group/partition`. */
  readonly commits: Map<string, bigint>;
  /** Called when messages were appended. */
  readonly listeners: Set<() => void>;
}

export interface MemoryStreamOptions extends DeliveryOptions {
  /** Share one between streams to produce and consume apart. */
  readonly log?: MemoryLog;
  /** @default "default" */
  readonly group?: string;
  /** Milliseconds since 1970, for the timestamps. */
  readonly now?: () => number;
}

export function memoryLog(topic = "images", partitions = 4): MemoryLog {
  return {
    topic,
    partitions: Array.from({ length: partitions }, () => []),
    commits: new Map(),
    listeners: new Set(),
  };
}

/** A stream in memory. */
export function memoryStream(options: MemoryStreamOptions = {}): Stream {
  const { log = memoryLog(), group = "default", now = Date.now } = options;
  const partitionOf = partitioner(log.partitions.length);
  const closing = new AbortController();
  const consuming = new Set<Promise<void>>();

  function mustBeOpen(): void {
    if (closing.signal.aborted) throw new Unavailable(`The stream of topic ${log.topic} is closed`);
  }

  return {
    async produce(messages) {
      mustBeOpen();
      for (const message of messages.map(messageBytes)) {
        const partition = partitionOf(message);
        const kept = log.partitions[partition] ?? [];
        const offset = BigInt(kept.length);
        kept.push({
          ...structuredClone(message),
          topic: log.topic,
          partition,
          offset,
          timestamp: new Date(now()),
        });
      }
      for (const listener of [...log.listeners]) listener();
    },
    async consume(handle, limits) {
      mustBeOpen();
      const sources = log.partitions.map((_, partition) => memorySource(log, group, partition));
      const running = deliver(sources, handle, limits, options, closing.signal);
      const ended = running.catch(() => undefined).then(() => void consuming.delete(ended));
      consuming.add(ended);
      await running;
    },
    async lag() {
      mustBeOpen();
      const lags = log.partitions.map(
        ({ length }, partition) => BigInt(length) - committed(log, group, partition),
      );
      return lags.reduce((sum, lag) => sum + lag, 0n);
    },
    async close() {
      closing.abort();
      await Promise.all(consuming);
    },
  };
}

function memorySource(log: MemoryLog, group: string, partition: number): PartitionSource<Readable> {
  const start = committed(log, group, partition);
  let next = Number(start);
  const at = (offset: bigint | number): StreamMessage | undefined =>
    log.partitions[partition]?.[Number(offset)];
  return {
    start,
    async peek(signal) {
      while (at(next) === undefined && !signal.aborted) await appended(log, signal);
      const message = at(next);
      return signal.aborted || message === undefined
        ? undefined
        : { offset: message.offset, bytes: message.value.length };
    },
    async read({ offset }) {
      next = Math.max(next, Number(offset) + 1);
      return at(offset);
    },
    async commit(offset) {
      log.commits.set(`${group}/${partition}`, offset);
    },
  };
}

function committed(log: MemoryLog, group: string, partition: number): bigint {
  return log.commits.get(`${group}/${partition}`) ?? 0n;
}

function appended(log: MemoryLog, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      log.listeners.delete(finish);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    log.listeners.add(finish);
    signal.addEventListener("abort", finish, { once: true });
  });
}
