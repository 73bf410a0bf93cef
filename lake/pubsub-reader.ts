/** Reads leased messages: which object each tells of, and at which attempt; what tells of none is told to whoever operates this. */

import { Refused } from "../core/errors.ts";
import type { Told } from "./pubsub-custody.ts";
import { deliveriesBefore, readNotice } from "./pubsub-notification.ts";
import type { LeasedMessage } from "./pubsub-service.ts";

export interface ReaderOptions {
  readonly isWanted: (key: string) => boolean;
  /** Undefined: of any bucket. */
  readonly bucket: string | undefined;
  readonly onError: (error: unknown) => void;
}

/** A subscription by its full name. */
export interface Source {
  readonly subscription: string;
  /** It belongs to a dead-letter topic. */
  readonly isDeadLetter: boolean;
}

export interface Reader {
  /** Undefined for a message that nobody needs to work on. */
  read(message: LeasedMessage, source: Source): Told | undefined;
}

/** Bounds the memory of attempts that the service does not count. */
const mostRemembered = 20_000;

export function createReader({ isWanted, bucket, onError }: ReaderOptions): Reader {
  const attempts = new Map<string, number>();
  const told = new Set<string>();

  function attemptOf(message: LeasedMessage): number {
    if (message.attempt > 0) return message.attempt;
    const attempt = (attempts.get(message.messageId) ?? 0) + 1;
    attempts.delete(message.messageId);
    attempts.set(message.messageId, attempt);
    const [oldest] = attempts.keys();
    if (attempts.size > mostRemembered && oldest !== undefined) attempts.delete(oldest);
    return attempt;
  }

  function tellOnce(text: string, expected: string): void {
    if (told.has(text)) return;
    told.add(text);
    onError(new Refused("unwanted_notification", text, expected));
  }

  return {
    read(message, { subscription, isDeadLetter }) {
      const notice = readNotice(message);
      if (notice.kind === "foreign") {
        const text = `message ${message.messageId} of ${subscription} is no notification of a bucket; it is acknowledged`;
        onError(
          new Refused("not_a_notification", text, "messages with the attributes eventType and objectId"),
        );
        return undefined;
      }
      if (notice.kind === "other") {
        tellOnce(
          `${subscription} brings ${notice.eventType}; such messages are acknowledged`,
          "a notification of OBJECT_FINALIZE only",
        );
        return undefined;
      }
      if (bucket !== undefined && notice.bucket !== undefined && notice.bucket !== bucket) {
        tellOnce(
          `${subscription} brings notifications of the bucket ${notice.bucket}; they are acknowledged`,
          `notifications of ${bucket} only`,
        );
        return undefined;
      }
      if (!isWanted(notice.key)) return undefined;
      const { key, generation, sizeBytes } = notice;
      const before = isDeadLetter ? deliveriesBefore(message) : undefined;
      return { key, generation, sizeBytes, isDeadLetter, attempt: before ?? attemptOf(message) };
    },
  };
}
