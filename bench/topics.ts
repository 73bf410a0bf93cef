/** Topics that are filled before a round and removed after it. */

import kafkajs, { type Message } from "kafkajs";
import { claimContentType } from "../loaders/stream/claim.ts";
import { streamHeaders } from "../loaders/stream/door.ts";
import { type ClaimedPicture, claimOf } from "./claims.ts";
import { noisePicture, numbered } from "./pictures.ts";
import { customerId } from "./platforms.ts";

const partitions = 4;
const messagesInBatch = 100;

/** Makes the value of the message with this number. */
export type MakeValue = (number: number) => Buffer;

export interface Filling {
  readonly broker: string;
  readonly topic: string;
  readonly messages: number;
  readonly contentType: string;
  readonly makeValue: MakeValue;
}

/** Pictures of about 20 KB, each with bytes of its own. */
export async function pictureMessages(): Promise<Pick<Filling, "contentType" | "makeValue">> {
  const picture = await noisePicture();
  return { contentType: "image/jpeg", makeValue: (number) => numbered(picture, number) };
}

/** Claims of one kibibyte that name these pictures in turn. */
export function claimMessages(
  pictures: readonly ClaimedPicture[],
): Pick<Filling, "contentType" | "makeValue"> {
  const makeValue = (number: number) => claimOf(pictures[number % pictures.length] as ClaimedPicture, number);
  return { contentType: claimContentType, makeValue };
}

/** What Kafka takes when nobody says otherwise; the servers for trials take ten times as much. */
const usualLimit = { name: "max.message.bytes", value: "1048588" };

/** Creates the topic and produces to all of its partitions in turn. */
export async function fillTopic({ broker, topic, messages, contentType, makeValue }: Filling): Promise<void> {
  const kafka = clientOf(broker);
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: [{ topic, numPartitions: partitions, configEntries: [usualLimit] }],
    waitForLeaders: true,
  });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  const headers = { [streamHeaders.customerId]: customerId, [streamHeaders.contentType]: contentType };
  for (let first = 0; first < messages; first += messagesInBatch) {
    const size = Math.min(messagesInBatch, messages - first);
    const batch = Array.from({ length: size }, (_, index): Message => {
      const number = first + index;
      return { value: makeValue(number), headers, partition: number % partitions };
    });
    await producer.send({ topic, messages: batch });
  }
  await producer.disconnect();
}

export async function removeTopics(broker: string, topics: readonly string[]): Promise<void> {
  const admin = clientOf(broker).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [...topics] });
  await admin.disconnect();
}

function clientOf(broker: string): kafkajs.Kafka {
  return new kafkajs.Kafka({ clientId: "bench", brokers: [broker], logLevel: kafkajs.logLevel.ERROR });
}
