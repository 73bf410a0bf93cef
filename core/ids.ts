/** Identities that a retry computes again: an id is a hash of what makes a submission the same submission. */

import { hash, randomBytes } from "node:crypto";

/** What an id begins with, by the door the image came through. */
export type IdPrefix = "u" | "s" | "f";

type Part = string | number | bigint | Uint8Array;

/** The id of an upload: the customer and the key that the sender repeats when it retries. */
export function uploadImageId(customerId: string, idempotencyKey: string): string {
  return identify("u", customerId, idempotencyKey);
}

/** The id of a stream message: its position, and the broker's time because a recreated topic counts from 0 again. */
export function streamImageId(message: {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestamp: Date;
}): string {
  return identify("s", message.topic, message.partition, message.offset, message.timestamp.getTime());
}

/** The id of a file: the customer, the path below the ingested folder (as bytes) and the content. */
export function folderImageId(customerId: string, relativePath: Uint8Array, contentSha256: string): string {
  return identify("f", customerId, relativePath, contentSha256);
}

/** The id of a refusal: other bytes under the same submission are another refusal. */
export function rejectId(imageId: string, contentSha256: string): string {
  return identify(imageId.slice(0, 1) as IdPrefix, imageId, contentSha256);
}

/** SHA-256 as 64 hexadecimal digits. */
export function sha256(bytes: Uint8Array | string): string {
  return hash("sha256", bytes, "hex");
}

/** `bytes` random bytes (at least 16 for a secret) in URL-safe base64. */
export function randomToken(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}

/** Prefix and 128 bits of a SHA-256 over the parts, each preceded by its length in bytes so that no two lists run together. */
function identify(prefix: IdPrefix, ...parts: readonly Part[]): string {
  const bytes = parts.flatMap((part) => {
    const own = part instanceof Uint8Array ? part : Buffer.from(String(part), "utf8");
    return [Buffer.from(`${own.length}:`), own];
  });
  return prefix + sha256(Buffer.concat(bytes)).slice(0, 32);
}
