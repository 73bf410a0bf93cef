/** Topics and streams that a test of the real broker owns: unlike names, fast retries, everything closed and deleted again. */

import { randomBytes } from "node:crypto";
import { type Admin, Kafka, logLevel } from "kafkajs";
import { type KafkaStreamOptions, kafkaStream } from "../../loaders/stream/kafka.ts";
import type { Stream } from "../../loaders/stream/stream.ts";

export interface KafkaTopics {
  readonly kafka: Kafka;
  readonly admin: Admin;
  /** A new topic. */
  topic(partitions?: number, configEntries?: Readonly<Record<string, string>>): Promise<string>;
  /** A new client of a topic. */
  open(options: Partial<KafkaStreamOptions> & { readonly topic: string }): Promise<Stream>;
  /** Closes what was opened and deletes the topics. */
  dispose(): Promise<void>;
}

/** What tests want shorter than people do. */
export const quick = {
  retryMinMs: 1,
  retryMaxMs: 5,
  commitMs: 50,
  sessionTimeoutMs: 6_000,
  revokeGraceMs: 1_000,
} as const;

export async function kafkaTopics(endpoint: string): Promise<KafkaTopics> {
  const kafka = new Kafka({ brokers: [endpoint], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const topics: string[] = [];
  const opened: Stream[] = [];
  return {
    kafka,
    admin,
    async topic(numPartitions = 4, configEntries = {}) {
      const topic = `test-${randomBytes(6).toString("hex")}`;
      const entries = Object.entries(configEntries).map(([name, value]) => ({ name, value }));
      const isNew = await admin.createTopics({ topics: [{ topic, numPartitions, configEntries: entries }] });
      if (!isNew) throw new TypeError(`topic ${topic} was there already`);
      topics.push(topic);
      return topic;
    },
    async open(options) {
      const stream = await kafkaStream({
        ...quick,
        brokers: [endpoint],
        group: `${options.topic}-group`,
        ...options,
      });
      opened.push(stream);
      return stream;
    },
    async dispose() {
      await Promise.all(opened.map((stream) => stream.close()));
      if (topics.length > 0) await admin.deleteTopics({ topics });
      await admin.disconnect();
    },
  };
}
