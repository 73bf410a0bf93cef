/** One assigned partition: what was fetched waits here until it is handed out. */

import type { FetchGate } from "./fetch-gate.ts";
import type { KafkaItem } from "./kafka-messages.ts";
import type { PartitionSource } from "./partition-source.ts";

/** Commits the offset behind the last message that is done, for the generation in which the partition was assigned. */
export type CommitOffset = (next: bigint) => Promise<void>;

export interface KafkaPartition extends PartitionSource<KafkaItem> {
  /** Takes what was fetched, in order. */
  push(items: readonly KafkaItem[], commit: CommitOffset): void;
}

export function kafkaPartition(partition: number, gate: FetchGate): KafkaPartition {
  const waiting: KafkaItem[] = [];
  let commitOffset: CommitOffset | undefined;
  let wake = (): void => undefined;

  function news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      wake = () => {
        signal.removeEventListener("abort", wake);
        resolve();
      };
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  return {
    // kafkajs looks up where the group has come to when it first fetches; nothing before that is handed out.
    start: 0n,
    push(items, commit) {
      waiting.push(...items);
      commitOffset = commit;
      gate.fetched(
        partition,
        items.reduce((sum, { bytes }) => sum + bytes, 0),
      );
      wake();
    },
    async peek(signal) {
      while (waiting.length === 0 && !signal.aborted) await news(signal);
      return signal.aborted ? undefined : waiting[0];
    },
    async read(item) {
      if (waiting[0] === item) {
        waiting.shift();
        gate.handedOut(partition, item.bytes);
      }
      return item.message;
    },
    commit: async (next) => commitOffset?.(next),
    release: ({ bytes }) => gate.released(bytes),
  };
}
