/** Messages in kafkajs' form and in the port's, and how many bytes the broker counts for one. */

import type { Batch, IHeaders, Message } from "kafkajs";
import type { MessageBytes } from "./new-message.ts";
import type { Readable } from "./partition-source.ts";
import type { StreamMessage } from "./stream.ts";

/** A fetched message. It stays in memory until it is done, so that a retry does not depend on the broker still having it. */
export interface KafkaItem extends Readable {
  readonly message: StreamMessage;
}

const none = new Uint8Array(0);

/**
 * The messages of a fetched batch. Their bytes are copied: kafkajs gives views, each of which would keep the whole response
 * of a fetch in memory. Behind the last one the log goes on where the batch ends, which may be after marks of transactions.
 */
export function itemsOf(batch: Batch): readonly KafkaItem[] {
  const end = BigInt(batch.lastOffset()) + 1n;
  return batch.messages.map(({ offset: text, timestamp, key, value, headers }, index) => {
    const offset = BigInt(text);
    const message: StreamMessage = {
      topic: batch.topic,
      partition: batch.partition,
      offset,
      timestamp: new Date(Number(timestamp)),
      key: key && copyOf(key),
      headers: headersOf(headers ?? {}),
      value: copyOf(value ?? none),
    };
    const next = index === batch.messages.length - 1 ? end : offset + 1n;
    return { offset, next, bytes: bytesOf(message), message };
  });
}

/**
 * Lets go of the response that a batch is a view of. kafkajs keeps a batch for as long as anybody keeps one of the functions
 * that came with it, and the function that commits is kept until the partition is given back.
 */
export function forgetBytes(batch: Batch): void {
  // All that was fetched, also marks of transactions and what was aborted; the type does not tell of it.
  const { rawMessages = batch.messages } = batch as Batch & { readonly rawMessages?: Batch["messages"] };
  for (const message of rawMessages) Object.assign(message, { key: null, value: null, headers: {} });
}

/** Of several headers with one name the last one counts, as in Kafka's own clients; one without a value is empty. */
function headersOf(headers: IHeaders): Readonly<Record<string, Uint8Array>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      copyOf((Array.isArray(value) ? value.at(-1) : value) ?? none),
    ]),
  );
}

function copyOf(bytes: Uint8Array | string): Uint8Array {
  return typeof bytes === "string" ? Buffer.from(bytes, "utf8") : Buffer.from(bytes);
}

function bytesOf({ key, headers, value }: MessageBytes): number {
  const named = Object.entries(headers).reduce((sum, [name, { length }]) => sum + name.length + length, 0);
  return (key?.length ?? 0) + named + value.length;
}

export function toKafka({ key, headers, value }: MessageBytes): Message {
  const named = Object.entries(headers).map(([name, bytes]) => [name, viewOf(bytes)]);
  return { key: key && viewOf(key), value: viewOf(value), headers: Object.fromEntries(named) };
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** What stands before the records in a batch of version 2: kafka.apache.org/documentation/#recordbatch */
const batchHeaderBytes = 61;

/** How many bytes the broker compares with the topic's max.message.bytes when the message comes alone. */
export function batchBytes({ key, headers, value }: MessageBytes): number {
  // Attributes, time and offset within the batch, a byte each; a missing key has the length -1, which takes one byte.
  let record = 3 + (key === null ? 1 : lengthAnd(key.length)) + lengthAnd(value.length);
  const named = Object.entries(headers);
  record += signedVarintBytes(named.length);
  for (const [name, bytes] of named) record += lengthAnd(Buffer.byteLength(name)) + lengthAnd(bytes.length);
  return batchHeaderBytes + lengthAnd(record);
}

function lengthAnd(length: number): number {
  return signedVarintBytes(length) + length;
}

/** Bytes of a zigzag varint that is not negative: seven bits a byte, and one bit in all for the sign. */
function signedVarintBytes(value: number): number {
  let bytes = 1;
  for (let rest = 2 * value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}

/** Behind a first message, time and offset may take some bytes more. */
const furtherBytes = 16;

/** The messages in order, in groups that fit into one batch each. */
export function inBatches<T extends { readonly bytes: number }>(
  messages: readonly T[],
  maxBytes: number,
): readonly (readonly T[])[] {
  const groups: T[][] = [];
  let room = 0;
  for (const message of messages) {
    const bytes = message.bytes + furtherBytes;
    if (groups.length === 0 || bytes > room) {
      groups.push([]);
      room = maxBytes;
    }
    groups.at(-1)?.push(message);
    room -= bytes;
  }
  return groups;
}
