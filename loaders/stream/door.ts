/** The stream door: image messages into the lake; a message is done when its image or its refusal is durable. */

import { Refused } from "../../core/errors.ts";
import { sha256, streamImageId } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import { type IntakeEnvironment, type Receipt, type Submission, takeIn, takeRefused } from "../intake.ts";
import { utf8 } from "../text.ts";
import type { Stream, StreamMessage } from "./stream.ts";

/** The headers of an image message; its value is the image. */
export const streamHeaders = {
  customerId: "customer-id",
  fileName: "file-name",
  contentType: "content-type",
} as const;

export interface StreamDoorEnvironment extends IntakeEnvironment {
  readonly stream: Stream;
  readonly log: Log;
  /** Resolves when the platform can take more; the stream waits meanwhile. */
  readonly roomFor: (signal: AbortSignal) => Promise<void>;
}

/** Takes messages in until the signal aborts. */
export function consumeStream(env: StreamDoorEnvironment, signal: AbortSignal): Promise<void> {
  return env.stream.consume(
    async (message) => {
      await env.roomFor(signal);
      const receipt = await takeMessage(env, message);
      if (receipt.status === "refused" && receipt.isNew) {
        env.log.info({ position: positionOf(message), reason: receipt.refusal.reason }, "message refused");
      }
    },
    { signal },
  );
}

/** One message: accepted or refused, durable when it resolves. */
export async function takeMessage(env: IntakeEnvironment, message: StreamMessage): Promise<Receipt> {
  const unread = {
    imageId: streamImageId(message),
    source: "stream" as const,
    sourceRef: positionOf(message),
    bytes: message.value,
    contentSha256: sha256(message.value),
  };
  const { fault, ...read } = readHeaders(message);
  const submission = { ...unread, ...read };
  return fault ? takeRefused(env, submission, fault) : takeIn(env, submission);
}

type HeaderFields = Pick<Submission, "customerId" | "declaredType" | "fileName">;

/** What can be read of the headers, and the first fault: a broken file name must not cost the customer's name. */
function readHeaders({ headers }: StreamMessage): HeaderFields & { readonly fault: Refused | undefined } {
  let fault: Refused | undefined;
  const text = (name: string, what: string) => {
    const value = headers[name];
    try {
      return value === undefined ? undefined : utf8(value, what);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      fault ??= error;
      return undefined;
    }
  };
  const customerId = text(streamHeaders.customerId, "customer id");
  const declaredType = text(streamHeaders.contentType, "content type");
  const fileName = text(streamHeaders.fileName, "file name");
  return { customerId, declaredType, fileName, fault };
}

function positionOf({ topic, partition, offset }: StreamMessage): string {
  return `${topic}/${partition}/${offset}`;
}
