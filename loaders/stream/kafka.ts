/** A stream in Kafka, through a consumer group whose commits follow what is durable. */

import { Unavailable } from "../../core/errors.ts";
import { type DeliveryOptions, startDelivery } from "./delivery.ts";
import type { Handle } from "./hand-out.ts";
import { type KafkaAdmin, kafkaAdmin } from "./kafka-admin.ts";
import { type ClientFactory, clientFactory, type KafkaConnection } from "./kafka-client.ts";
import { deadLetterSender } from "./kafka-dead-letter.ts";
import { keepMembership, type MembershipTimes } from "./kafka-membership.ts";
import type { KafkaItem } from "./kafka-messages.ts";
import { kafkaProducer, type TargetTopic } from "./kafka-producer.ts";
import { messageBytes } from "./new-message.ts";
import { type ConsumeOptions, type Stream, usualMaxInFlightBytes } from "./stream.ts";

export interface KafkaStreamOptions extends KafkaConnection, DeliveryOptions, MembershipTimes {
  readonly topic: string;
  /** Whose commits count. Members of one group share the partitions. */
  readonly group: string;
  /** Where refused messages go as well; without it they only go to the image lake. */
  readonly deadLetterTopic?: string;
  /** A larger message is refused before anything is sent. @default the topic's own max.message.bytes */
  readonly maxMessageBytes?: number;
}

/**
 * Opens the stream and looks whether its topics are there.
 * @throws Misconfigured for a topic that is not there, credentials that are not taken, certificates that are not trusted
 * @throws Unavailable when no broker can be reached
 */
export async function kafkaStream(options: KafkaStreamOptions): Promise<Stream> {
  const { brokers, topic: name, group } = options;
  const newClient = clientFactory(options);
  const place = { brokers, topic: name, group };
  const admin = kafkaAdmin(newClient, place);
  const { topic, deadLetters } = await findTopics(admin, options);
  const producer = kafkaProducer(newClient, place);
  const closing = new AbortController();
  const consuming = new Set<Promise<void>>();

  function mustBeOpen(): void {
    if (closing.signal.aborted) throw new Unavailable(`The stream of topic ${name} is closed`);
  }

  return {
    async produce(messages) {
      mustBeOpen();
      await producer.send(topic, messages.map(messageBytes));
    },
    async consume(handle, limits) {
      mustBeOpen();
      const running = consume({ newClient, options, topic, closing: closing.signal }, handle, limits);
      const over = running.catch(() => undefined).then(() => void consuming.delete(over));
      consuming.add(over);
      await running;
    },
    async lag() {
      mustBeOpen();
      return admin.lag(name, group);
    },
    ...(deadLetters && {
      deadLetter: deadLetterSender(producer, deadLetters, options.onEvent ?? (() => undefined)),
    }),
    async close() {
      closing.abort();
      await Promise.all(consuming);
      await Promise.all([producer.close(), admin.close()]);
    },
  } satisfies Stream;
}

interface Topics {
  readonly topic: TargetTopic;
  readonly deadLetters: TargetTopic | undefined;
}

async function findTopics(
  admin: KafkaAdmin,
  { topic: name, deadLetterTopic, maxMessageBytes }: KafkaStreamOptions,
): Promise<Topics> {
  try {
    const topic = await admin.topic(name, maxMessageBytes);
    const deadLetters = deadLetterTopic === undefined ? undefined : await admin.topic(deadLetterTopic);
    return { topic, deadLetters };
  } catch (error) {
    await admin.close();
    throw error;
  }
}

interface Consumption {
  readonly newClient: ClientFactory;
  readonly options: KafkaStreamOptions;
  readonly topic: TargetTopic;
  readonly closing: AbortSignal;
}

async function consume(
  { newClient, options, topic, closing }: Consumption,
  handle: Handle,
  limits: ConsumeOptions,
): Promise<void> {
  if (limits.signal.aborted) return;
  const maxInFlightBytes = limits.maxInFlightBytes ?? usualMaxInFlightBytes;
  const delivery = startDelivery<KafkaItem>(
    handle,
    { ...limits, maxInFlightBytes },
    { commitMs: 500, ...options },
    closing,
  );
  const ended = new AbortController();
  const membership = keepMembership(
    {
      newClient,
      place: { brokers: options.brokers, topic: topic.name, group: options.group },
      times: options,
      delivery,
      maxInFlightBytes,
      maxMessageBytes: topic.maxMessageBytes,
      onEvent: options.onEvent ?? (() => undefined),
    },
    ended.signal,
  );
  try {
    // It stays a member until what is in flight is committed.
    await delivery.finish();
  } finally {
    ended.abort();
    await membership;
  }
}
