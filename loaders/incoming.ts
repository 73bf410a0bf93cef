/** Direct uploads that have arrived: what a door would have done with them is done now. */

import { Refused } from "../core/errors.ts";
import { sha256 } from "../core/ids.ts";
import { type Lake, readWhole } from "../lake/lake.ts";
import { idOfKey, incomingKey, isImageId, refusalKey } from "../lake/layout.ts";
import { type IntakeEnvironment, type Receipt, type Submission, takeIn } from "./intake.ts";

export interface IncomingEnvironment extends IntakeEnvironment {
  /** Where direct uploads lie until they are taken in. */
  readonly uploads: Lake;
}

/**
 * Accepts or refuses one direct upload and removes it from where it was sent; durable when it resolves, the same again when
 * repeated. Undefined when there is nothing (any more). Throws `Refused` (`bad_key`) for what no upload of ours can have made.
 */
export async function takeIncoming(env: IncomingEnvironment, key: string): Promise<Receipt | undefined> {
  const imageId = idOfKey(key);
  if (!isImageId(imageId) || key !== incomingKey(imageId))
    throw new Refused(
      "bad_key",
      `${key} is no direct upload`,
      "an object that POST /v1/uploads made room for",
    );
  const submission = await readSubmission(env, key, imageId);
  if (submission === undefined) return undefined;
  const receipt = await takeIn(env, submission);
  if (receipt.status === "refused") await noteRefusal(env.uploads, submission, receipt.refusal);
  await env.uploads.remove(key).catch(unlessRetained);
  return receipt;
}

async function readSubmission(
  { uploads, maxImageBytes }: IncomingEnvironment,
  key: string,
  imageId: string,
): Promise<Submission | undefined> {
  const found = await readBounded(uploads, key, maxImageBytes + 1);
  if (found === undefined) return undefined;
  const { customer_id, source_ref = imageId, declared_type, file_name } = found.object.metadata;
  return {
    imageId,
    source: "upload",
    sourceRef: source_ref,
    customerId: customer_id,
    declaredType: declared_type,
    fileName: file_name,
    bytes: found.bytes,
    contentSha256: sha256(found.bytes),
  };
}

/** The object, of which no more than `most` bytes are read. */
async function readBounded(lake: Lake, key: string, most: number): ReturnType<typeof readWhole> {
  const object = await lake.stat(key);
  if (object === undefined || object.sizeBytes <= most) return readWhole(lake, key);
  const found = await lake.read(key, { start: 0, end: most });
  if (found === undefined) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of found.body) chunks.push(chunk);
  return { object, bytes: Buffer.concat(chunks) };
}

/** So that the customer learns why: to them a refused image has no status of its own. */
async function noteRefusal(
  uploads: Lake,
  { imageId, customerId }: Submission,
  refusal: Refused,
): Promise<void> {
  await uploads.create(refusalKey(imageId), new Uint8Array(), {
    ...(customerId === undefined ? {} : { customer_id: customerId }),
    reason: refusal.reason,
    message: refusal.message,
  });
}

/** Where the bucket keeps what it has for some days, its lifecycle removes it. */
function unlessRetained(error: unknown): void {
  if (!(error instanceof Refused)) throw error;
}
