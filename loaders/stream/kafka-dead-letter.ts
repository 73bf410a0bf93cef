/** A refused message as it goes to the dead-letter topic: as it came, with headers that say why, named as Kafka Connect does. */

import { Refused } from "../../core/errors.ts";
import type { KafkaEvent } from "./kafka-client.ts";
import type { KafkaProducer, TargetTopic } from "./kafka-producer.ts";
import type { MessageBytes } from "./new-message.ts";
import type { StreamMessage } from "./stream.ts";

/** Present when the value was too large for the dead-letter topic; the image lake has it under rejected/. */
const leftOutHeader = "darkroom.value.left.out";

/**
 * Sends to the dead-letter topic; durable when it resolves. What the topic does not take whole goes there in part, since a
 * message that can be put nowhere would be in the way of all behind it.
 */
export function deadLetterSender(
  producer: KafkaProducer,
  topic: TargetTopic,
  onEvent: (event: KafkaEvent) => void,
): (message: StreamMessage, refusal: Refused) => Promise<void> {
  return async (message, refusal) => {
    const letter = deadLetter(message, refusal);
    for (const candidate of [letter, shortened(letter, true), shortened(letter, false)]) {
      try {
        await producer.send(topic, [candidate]);
        if (candidate === letter) return;
        const position = `${message.topic}/${message.partition}/${message.offset}`;
        return onEvent({ kind: "shortened", topic: topic.name, position });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
  };
}

/**
 * The headers of KIP-298 (github.com/apache/kafka, connect/runtime, DeadLetterQueueReporter), so that what people have for
 * Connect's dead letters reads these too. No stack trace: it would tell of us and not of the message. The reason is the
 * machine word of the refusal and its sentence; neither holds anything of the message's value.
 */
function deadLetter(message: StreamMessage, refusal: Refused): MessageBytes {
  const { topic, partition, offset, key, headers, value } = message;
  const reasons = {
    topic,
    partition: String(partition),
    offset: String(offset),
    "connector.name": "darkroom",
    "task.id": "0",
    stage: "TASK_PUT",
    "class.name": "darkroom.loaders.stream",
    "exception.class.name": `darkroom.${refusal.name}`,
    "exception.message": `${refusal.reason}: ${refusal.message}`,
  };
  const named = Object.entries(reasons).map(
    ([name, text]) => [`__connect.errors.${name}`, Buffer.from(text, "utf8")] as const,
  );
  return { key, headers: { ...headers, ...Object.fromEntries(named) }, value };
}

/** The same without its value, and without the sender's key and headers where even they are too much. */
function shortened({ key, headers }: MessageBytes, keepsHeaders: boolean): MessageBytes {
  const kept = Object.entries(headers).filter(
    ([name]) => keepsHeaders || name.startsWith("__connect.errors."),
  );
  return {
    key: keepsHeaders ? key : null,
    headers: Object.fromEntries([...kept, [leftOutHeader, Buffer.from("too_large")]]),
    value: new Uint8Array(0),
  };
}
