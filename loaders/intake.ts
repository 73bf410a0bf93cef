/** What all doors do with a submission: accept it into the lake, or refuse it and keep what came with the reason. */

import type { Clock } from "../core/clock.ts";
import { Refused } from "../core/errors.ts";
import { rejectId, sha256 } from "../core/ids.ts";
import type { Metrics } from "../core/metrics.ts";
import type { Row } from "../core/rows.ts";
import type { Lake } from "../lake/lake.ts";
import { originalKey, rejectedKey } from "../lake/layout.ts";
import { recordOf, shorten, shortened, toMetadata } from "../lake/records.ts";
import type { Customers } from "./customers/customers.ts";
import { formatOf } from "./format.ts";

export interface IntakeEnvironment {
  readonly lake: Lake;
  readonly customers: Customers;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Larger images are refused. */
  readonly maxImageBytes: number;
}

/** What a door took: text fields are as the sender gave them. */
export interface Submission {
  readonly imageId: string;
  readonly source: "upload" | "stream" | "folder";
  readonly sourceRef: string;
  readonly customerId: string | undefined;
  readonly declaredType: string | undefined;
  readonly fileName: string | undefined;
  /** At most `maxImageBytes` and one more: a longer body is cut there by the door. */
  readonly bytes: Uint8Array;
  /** Of `bytes`; the door has it already where it is part of the identity. */
  readonly contentSha256: string;
}

export type Receipt =
  | { readonly status: "accepted"; readonly isNew: boolean; readonly record: Row<"image_received"> }
  | { readonly status: "refused"; readonly isNew: boolean; readonly refusal: Refused };

/** Bytes of a too large image that are kept: enough to tell what it was, not enough to fill a disk with. */
const keptOfTooLarge = 64 * 1024;

/**
 * Accepts or refuses; durable when it resolves, and the same again when repeated. Throws `Unavailable` when neither could be
 * made durable: the sender keeps the image.
 */
export async function takeIn(env: IntakeEnvironment, submission: Submission): Promise<Receipt> {
  try {
    const record = await check(env, submission);
    const { isCreated, object } = await env.lake.create(
      originalKey(submission.imageId),
      submission.bytes,
      toMetadata<"image_received">(record),
    );
    const stored = isCreated ? record : recordOf("image_received", object);
    if (stored.content_sha256 !== submission.contentSha256) throw differentBytes(submission);
    if (isCreated) env.metrics.received.inc({ source: submission.source });
    return { status: "accepted", isNew: isCreated, record: stored };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return takeRefused(env, submission, error);
  }
}

/** Whether this very submission was taken in before: `accepted`, `refused`, or undefined when it is new. */
export async function takenBefore(
  lake: Lake,
  imageId: string,
  contentSha256: string,
): Promise<Receipt["status"] | undefined> {
  if (await lake.stat(originalKey(imageId))) return "accepted";
  if (await lake.stat(rejectedKey(rejectId(imageId, contentSha256)))) return "refused";
  return undefined;
}

async function check(env: IntakeEnvironment, submission: Submission): Promise<Row<"image_received">> {
  const { bytes } = submission;
  const customer = await knownCustomer(env, submission.customerId);
  const format = await checkContent(bytes, env.maxImageBytes);
  return shortened<"image_received">({
    event_id: submission.imageId,
    image_id: submission.imageId,
    customer_id: customer,
    source: submission.source,
    source_ref: submission.sourceRef,
    received_at: env.clock.now().toISOString(),
    declared_type: submission.declaredType ?? null,
    file_name: submission.fileName ?? null,
    size_bytes: bytes.length,
    content_sha256: submission.contentSha256,
    format,
  });
}

/** The format of an image that may come in. Throws `Refused` for what may not. */
export async function checkContent(bytes: Uint8Array, maxImageBytes: number): Promise<string> {
  if (bytes.length === 0) throw new Refused("empty", "the image is empty", "the bytes of an image");
  if (bytes.length > maxImageBytes) {
    throw new Refused("too_large", "the image is too large", `at most ${maxImageBytes} bytes`);
  }
  return formatOf(bytes);
}

async function knownCustomer(env: IntakeEnvironment, customerId: string | undefined): Promise<string> {
  if (customerId === undefined || customerId === "") {
    throw new Refused(
      "no_customer",
      "the image names no customer",
      "the id of the customer whose image it is",
    );
  }
  const customer = await env.customers.find(customerId);
  if (customer?.is_active) return customer.customer_id;
  throw new Refused(
    customer === undefined ? "unknown_customer" : "inactive_customer",
    `${JSON.stringify(shorten(customerId, 100))} is ${customer === undefined ? "no known" : "an inactive"} customer`,
    "the id of an active customer (darkroom customers list)",
  );
}

function differentBytes({ source }: Submission): Refused {
  return new Refused(
    "different_bytes",
    "this submission was already received with other bytes",
    source === "upload" ? "a new Idempotency-Key for a new image" : "the same bytes at the same position",
  );
}

/** Keeps what was refused, with the reason; for doors that find a fault before `takeIn` could look. */
export async function takeRefused(
  env: IntakeEnvironment,
  submission: Submission,
  refusal: Refused,
): Promise<Receipt> {
  const { contentSha256 } = submission;
  const id = rejectId(submission.imageId, contentSha256);
  const kept =
    submission.bytes.length > env.maxImageBytes
      ? submission.bytes.subarray(0, keptOfTooLarge)
      : submission.bytes;
  const record = shortened<"image_rejected">({
    event_id: id,
    stage: "door",
    customer_id: shorten(submission.customerId ?? "", 100) || null,
    source: submission.source,
    source_ref: submission.sourceRef,
    rejected_at: env.clock.now().toISOString(),
    reason: refusal.reason,
    message: refusal.message,
    declared_type: submission.declaredType ?? null,
    file_name: submission.fileName ?? null,
    size_bytes: kept.length,
    content_sha256: kept === submission.bytes ? contentSha256 : sha256(kept),
  });
  const { isCreated } = await env.lake.create(rejectedKey(id), kept, toMetadata<"image_rejected">(record));
  if (isCreated) env.metrics.refused.inc({ source: submission.source, reason: refusal.reason });
  return { status: "refused", isNew: isCreated, refusal };
}
