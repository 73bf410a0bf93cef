/** The stream door: image messages into the lake; a message is done when its image or its refusal is durable. */

import { Refused } from "../../core/errors.ts";
import { sha256, streamImageId } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import { originalKey } from "../../lake/layout.ts";
import { recordOf } from "../../lake/records.ts";
import { type IntakeEnvironment, type Receipt, type Submission, takeIn, takeRefused } from "../intake.ts";
import { utf8 } from "../text.ts";
import { type Claim, isClaim, malformed, notAllowed, readClaim } from "./claim.ts";
import type { ClaimReader } from "./fetch-claim.ts";
import type { Stream, StreamMessage } from "./stream.ts";

/** The headers of an image message; its value is the image, or, by its content type, a claim of one. */
export const streamHeaders = {
  customerId: "customer-id",
  fileName: "file-name",
  contentType: "content-type",
} as const;

export interface MessageEnvironment extends IntakeEnvironment {
  /** Fetches what claims name; without it every claim is refused. */
  readonly fetchClaim?: ClaimReader | undefined;
}

export interface StreamDoorEnvironment extends MessageEnvironment {
  readonly stream: Stream;
  readonly log: Log;
  /** Resolves when the platform can take more; the stream waits meanwhile. */
  readonly roomFor: (signal: AbortSignal) => Promise<void>;
}

/** Takes messages in until the signal aborts. */
export function consumeStream(env: StreamDoorEnvironment, signal: AbortSignal): Promise<void> {
  const { metrics } = env;
  return env.stream.consume(
    async (message) => {
      metrics.streamInFlight.inc();
      try {
        await env.roomFor(signal);
        await finishMessage(env, message);
      } catch (error) {
        metrics.streamRetries.inc();
        throw error;
      } finally {
        metrics.streamInFlight.dec();
      }
    },
    { signal },
  );
}

/** Takes the message; what is refused is done only when the dead letters, where there are any, have it too. */
async function finishMessage(env: StreamDoorEnvironment, message: StreamMessage): Promise<void> {
  const receipt = await takeMessage(env, message);
  if (receipt.status === "accepted") return;
  // Also when it was refused before: that attempt may have ended in between.
  if (env.stream.deadLetter) {
    await env.stream.deadLetter(message, receipt.refusal);
    env.metrics.streamDeadLetters.inc();
  }
  if (receipt.isNew) {
    env.log.info({ position: positionOf(message), reason: receipt.refusal.reason }, "message refused");
  }
}

/** One message: accepted or refused, durable when it resolves. */
export async function takeMessage(env: MessageEnvironment, message: StreamMessage): Promise<Receipt> {
  const unread = {
    imageId: streamImageId(message),
    source: "stream" as const,
    sourceRef: positionOf(message),
    bytes: message.value,
    contentSha256: sha256(message.value),
  };
  const { fault, ...read } = readHeaders(message);
  const submission = { ...unread, ...read };
  if (fault) return takeRefused(env, submission, fault);
  return isClaim(read.declaredType) ? takeClaimed(env, submission) : takeIn(env, submission);
}

/** A claim: its image comes in under the message's identity, or the claim is refused as it is. */
async function takeClaimed(env: MessageEnvironment, message: Submission): Promise<Receipt> {
  let submission = message;
  try {
    // A message that comes again must not fetch again: by now another image may lie there.
    const object = await env.lake.stat(originalKey(message.imageId));
    if (object) return { status: "accepted", isNew: false, record: recordOf("image_received", object) };
    const claim = readClaim(message.bytes);
    submission = { ...message, ...claimedFields(message, claim) };
    if (env.fetchClaim === undefined) throw notAllowed("claims are not fetched here");
    return await env.fetchClaim(claim, (image) =>
      takeIn(env, { ...submission, bytes: image, contentSha256: sha256(image) }),
    );
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return takeRefused(env, submission, error);
  }
}

/** The fields may stand in the claim or in the headers; two customers for one image are a mistake of somebody's. */
function claimedFields({ customerId, fileName }: Submission, claim: Claim): HeaderFields {
  if (customerId !== undefined && claim.customerId !== undefined && customerId !== claim.customerId) {
    throw malformed("the claim and the headers name different customers");
  }
  return {
    customerId: claim.customerId ?? customerId,
    fileName: claim.fileName ?? fileName,
    declaredType: claim.contentType,
  };
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
