/** Produces to Kafka: idempotently, in order, in batches that the topic takes. */

import { Partitioners, type Producer } from "kafkajs";
import { Refused } from "../../core/errors.ts";
import { type ClientFactory, retries } from "./kafka-client.ts";
import { type KafkaPlace, kafkaFault, tooLarge } from "./kafka-errors.ts";
import { batchBytes, inBatches, toKafka } from "./kafka-messages.ts";
import type { MessageBytes } from "./new-message.ts";

/** A topic and the largest message that it takes. */
export interface TargetTopic {
  readonly name: string;
  readonly maxMessageBytes: number;
}

export interface KafkaProducer {
  /** Durable on all replicas in sync when it resolves. @throws Refused (`too_large`, then none is sent), Unavailable, Misconfigured */
  send(topic: TargetTopic, messages: readonly MessageBytes[]): Promise<void>;
  close(): Promise<void>;
}

export function kafkaProducer(newClient: ClientFactory, place: Pick<KafkaPlace, "brokers">): KafkaProducer {
  let current: Promise<Producer> | undefined;

  async function open(): Promise<Producer> {
    const producer = newClient().producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      // Keys go where Kafka's own clients put them.
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: retries.producer,
    });
    await producer.connect();
    return producer;
  }

  async function sendBatch({ name }: TargetTopic, messages: readonly MessageBytes[]): Promise<void> {
    current ??= open();
    const used = current;
    try {
      await (await used).send({ topic: name, acks: -1, messages: messages.map(toKafka) });
    } catch (error) {
      const fault = kafkaFault(error, { ...place, topic: name });
      // An idempotent producer counts its messages; after a failure nobody knows what the broker has counted.
      if (!(fault instanceof Refused) && current === used) {
        current = undefined;
        void close(used);
      }
      throw fault;
    }
  }

  return {
    async send(topic, messages) {
      const sized = messages.map((message) => ({ message, bytes: batchBytes(message) }));
      const large = sized.find(({ bytes }) => bytes > topic.maxMessageBytes);
      if (large) throw tooLarge(topic.name, large.bytes, topic.maxMessageBytes);
      for (const batch of inBatches(sized, topic.maxMessageBytes)) {
        await sendBatch(
          topic,
          batch.map(({ message }) => message),
        );
      }
    },
    async close() {
      if (current) await close(current);
      current = undefined;
    },
  };
}

async function close(producer: Promise<Producer>): Promise<void> {
  await producer.then((open) => open.disconnect()).catch(() => undefined);
}
