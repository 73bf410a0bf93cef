/** What is asked of the cluster itself: whether a topic is there, how large its messages may be, how far a group is behind. */

// Node.js finds only some of the names that kafkajs exports; all are in the default.
import kafkajs, { type Admin } from "kafkajs";
import type { ClientFactory } from "./kafka-client.ts";
import { type KafkaPlace, kafkaFault } from "./kafka-errors.ts";
import type { TargetTopic } from "./kafka-producer.ts";

export interface KafkaAdmin {
  /** The topic with its limit, `maxMessageBytes` where it is given. @throws Misconfigured when there is none */
  topic(name: string, maxMessageBytes?: number): Promise<TargetTopic>;
  /** Messages behind the group's commits, over all partitions; for a group without commits all that are kept. */
  lag(topic: string, group: string): Promise<bigint>;
  close(): Promise<void>;
}

/** Kafka's own default of max.message.bytes: one mebibyte and the header of a batch. */
const usualMaxMessageBytes = 1_048_588;

export function kafkaAdmin(newClient: ClientFactory, place: KafkaPlace): KafkaAdmin {
  let current: Promise<Admin> | undefined;

  async function open(): Promise<Admin> {
    const admin = newClient().admin();
    await admin.connect();
    return admin;
  }

  /** One connection for all questions; after a failure the next question gets a new one. */
  async function ask<T>(topic: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    current ??= open();
    const used = current;
    try {
      return await question(await used);
    } catch (error) {
      if (current === used) {
        current = undefined;
        void close(used);
      }
      throw kafkaFault(error, { ...place, topic });
    }
  }

  return {
    topic: (name, maxMessageBytes) =>
      ask(name, async (admin) => {
        await admin.fetchTopicMetadata({ topics: [name] });
        return { name, maxMessageBytes: maxMessageBytes ?? (await limitOf(admin, name)) };
      }),
    lag: (topic, group) =>
      ask(topic, async (admin) => {
        // The commits first: read after the ends, they could be ahead of them.
        const [commits] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
        const committed = new Map(
          commits?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]),
        );
        const ends = await admin.fetchTopicOffsets(topic);
        return ends.reduce((sum, { partition, low, high }) => {
          const start = committed.get(partition) ?? -1n;
          return sum + BigInt(high) - (start > BigInt(low) ? start : BigInt(low));
        }, 0n);
      }),
    async close() {
      if (current) await close(current);
      current = undefined;
    },
  };
}

/** Who may not read the topic's configuration is given Kafka's default. */
async function limitOf(admin: Admin, name: string): Promise<number> {
  const configNames = ["max.message.bytes"];
  const { resources } = await admin
    .describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames }],
    })
    .catch(() => ({ resources: [] }));
  const value = Number(resources[0]?.configEntries[0]?.configValue);
  return Number.isSafeInteger(value) && value > 0 ? value : usualMaxMessageBytes;
}

async function close(admin: Promise<Admin>): Promise<void> {
  await admin.then((open) => open.disconnect()).catch(() => undefined);
}
