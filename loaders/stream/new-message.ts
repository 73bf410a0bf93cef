/** What a producer hands in, made bytes, and the partition that it goes to. */

import { crc32 } from "node:zlib";
import type { NewStreamMessage, StreamMessage } from "./stream.ts";

export type MessageBytes = Pick<StreamMessage, "key" | "headers" | "value">;

/** The message with its texts as UTF-8. */
export function messageBytes(message: NewStreamMessage): MessageBytes {
  const headers = Object.entries(message.headers ?? {}).map(
    ([name, value]) => [name, bytesOf(value)] as const,
  );
  return {
    key: message.key === undefined ? null : bytesOf(message.key),
    // fromEntries defines own properties, so that a header may even be called "__proto__".
    headers: Object.fromEntries(headers),
    value: message.value,
  };
}

/** Chooses partitions: one key always goes to the same one, messages without a key take turns. */
export function partitioner(partitions: number): (message: MessageBytes) => number {
  let turn = 0;
  return ({ key }) => {
    if (key !== null) return crc32(key) % partitions;
    turn = (turn + 1) % partitions;
    return turn;
  };
}

function bytesOf(value: Uint8Array | string): Uint8Array {
  return typeof value === "string" ? Buffer.from(value, "utf8") : value;
}
