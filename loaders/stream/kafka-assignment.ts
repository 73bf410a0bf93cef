/** Which partitions the group has given this member, and their messages on the way from kafkajs to the delivery. */

import type { Consumer, EachBatchPayload } from "kafkajs";
import type { Delivery } from "./delivery.ts";
import { fetchGate } from "./fetch-gate.ts";
import { forgetBytes, itemsOf, type KafkaItem } from "./kafka-messages.ts";
import { type CommitOffset, type KafkaPartition, kafkaPartition } from "./kafka-partition.ts";

export interface AssignmentOptions {
  readonly topic: string;
  readonly delivery: Delivery<KafkaItem>;
  readonly maxHeldBytes: number;
  readonly maxWaitingBytes: number;
  /** How long what is in flight may take when partitions are given back. */
  readonly graceMs: number;
}

export interface Assignment {
  readonly isEmpty: boolean;
  /** Begins with these partitions, where their commits are; all from before must have been revoked. */
  assign(consumer: Pick<Consumer, "pause" | "resume">, partitions: readonly number[]): void;
  /** Takes what was fetched of a partition. */
  take(payload: Pick<EachBatchPayload, "batch" | "commitOffsetsIfNecessary">): void;
  /** Gives everything back: after it resolves nothing is committed for what was assigned. */
  revoke(): Promise<void>;
}

export function groupAssignment({
  topic,
  delivery,
  maxHeldBytes,
  maxWaitingBytes,
  graceMs,
}: AssignmentOptions): Assignment {
  let current = new Map<number, KafkaPartition>();
  let revoking: Promise<void> = Promise.resolve();

  const topicPartitions = (partitions: readonly number[]) => [{ topic, partitions: [...partitions] }];

  return {
    get isEmpty() {
      return current.size === 0;
    },
    assign(consumer, partitions) {
      // kafkajs remembers pauses across assignments.
      consumer.resume(topicPartitions(partitions));
      const gate = fetchGate(partitions, {
        maxHeldBytes,
        maxWaitingBytes,
        setPaused(partition, isPaused) {
          // Messages may still finish after their partition was given back; its fetching is then no longer ours to stop.
          if (current !== sources) return;
          try {
            consumer[isPaused ? "pause" : "resume"](topicPartitions([partition]));
          } catch {
            // The consumer has just ended, so that nothing is fetched anyway.
          }
        },
      });
      const sources = new Map(
        partitions.map((partition) => [partition, kafkaPartition(partition, gate)] as const),
      );
      current = sources;
      for (const source of sources.values()) delivery.add(source);
    },
    take({ batch, commitOffsetsIfNecessary }) {
      const source = current.get(batch.partition);
      // kafkajs' own commit takes its generation at the moment of the call, and does not try again in a later one.
      const commit: CommitOffset = (next) =>
        commitOffsetsIfNecessary({
          topics: [{ topic, partitions: [{ partition: batch.partition, offset: String(next) }] }],
        });
      source?.push(itemsOf(batch), commit);
      forgetBytes(batch);
    },
    revoke() {
      const revoked = [...current.values()];
      current = new Map();
      const removing = revoked.map((source) => delivery.remove(source, graceMs));
      revoking = Promise.all([revoking, ...removing]).then(() => undefined);
      return revoking;
    },
  };
}
