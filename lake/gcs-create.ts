/** Creation on Cloud Storage: who wins, what was lost on the way, and what must not stay. */

import { Refused, Unavailable } from "../core/errors.ts";
import { randomToken } from "../core/ids.ts";
import { type GcsAnswer, isSuccess } from "./gcs-client.ts";
import { failureOf, isRetained } from "./gcs-errors.ts";
import { encodeMetadata } from "./gcs-metadata.ts";
import { find, type GcsEnvironment, type GcsObject, gcsObject, removeGeneration } from "./gcs-object.ts";
import {
  type GcsUpload,
  openSession,
  type Piece,
  piecesOf,
  sessionAddress,
  uploadPieces,
  uploadWhole,
} from "./gcs-upload.ts";
import type { Body, Creation, Metadata, UploadOptions } from "./lake.ts";

/** `Lake.create` for a key that is one. */
export async function create(
  env: GcsEnvironment,
  key: string,
  body: Body,
  metadata: Metadata,
): Promise<Creation> {
  const upload = uploadOf(env, key, metadata);
  const pieces = piecesOf(body, env.pieceBytes ?? 8 * 1024 * 1024);
  try {
    const { value: first } = await pieces.next();
    if (first === undefined) throw new Unavailable(`${upload.about}: the body gave nothing`);
    if (env.announce !== undefined) {
      // Asked first, so that a repeat is not announced as an arrival again; the upload decides.
      const there = await find(env, key);
      if (there !== undefined) return { isCreated: false, object: there.object };
      await env.announce(key);
    }
    const answer = first.isLast
      ? await uploadWhole(env.client, upload, first.bytes)
      : await uploadPieces(env.client, upload, startingWith(first, pieces));
    return await creationOf(env, upload, answer);
  } finally {
    await pieces.return();
  }
}

/** Custom metadata names the write, so that a creator whose answer was lost knows its own object. */
function uploadOf(
  { isHeld, bucket, addressOf, newChecksum }: GcsEnvironment,
  key: string,
  metadata: Metadata,
  contentType = "application/octet-stream",
): GcsUpload {
  const write = randomToken(12);
  const resource = {
    contentType,
    metadata: encodeMetadata(metadata, write),
    ...(isHeld && { eventBasedHold: isHeld(key) }),
  };
  return { bucket, key, about: addressOf(key), write, resource, checksum: newChecksum() };
}

async function* startingWith(first: Piece, others: AsyncIterable<Piece>): AsyncGenerator<Piece> {
  yield first;
  yield* others;
}

async function creationOf(env: GcsEnvironment, upload: GcsUpload, answer: GcsAnswer): Promise<Creation> {
  if (isSuccess(answer.status)) {
    const created = gcsObject(answer.json, upload.about);
    await refuseDamaged(env, upload, created);
    return { isCreated: true, object: created.object };
  }
  // The condition is checked before retention and holds; should it not be, they too say that something is there.
  if (answer.status !== 412 && !isRetained(answer)) throw failureOf(answer, upload.about);
  const there = await find(env, upload.key);
  if (there === undefined) {
    throw new Unavailable(`${upload.about} was removed while it was being created again`);
  }
  const isCreated = there.write === upload.write;
  if (isCreated) await refuseDamaged(env, upload, there);
  return { isCreated, object: there.object };
}

/** The service refuses what does not fit its checksum; what slipped through must not stay, for nothing replaces it. */
async function refuseDamaged(
  env: GcsEnvironment,
  { about, checksum }: GcsUpload,
  stored: GcsObject,
): Promise<void> {
  if (stored.crc32c === undefined || stored.crc32c === checksum.toString()) return;
  const removed = await removeGeneration(env, stored).catch(() => undefined);
  const rest = removed !== undefined && isSuccess(removed.status) ? "" : "; it could not be removed again";
  throw new Unavailable(
    `${about} was stored damaged (crc32c ${stored.crc32c} instead of ${checksum})${rest}`,
  );
}

/** `LakeLinks.openUpload`; throws `Refused` (`already_there`) where the service tells at once that the key is taken. */
export async function openUpload(
  env: GcsEnvironment,
  key: string,
  options: UploadOptions,
): Promise<{ url: string }> {
  const upload = uploadOf(env, key, options.metadata, options.contentType);
  const answer = await openSession(env.client, upload, {
    "x-upload-content-length": String(options.sizeBytes),
    "x-upload-content-type": String(upload.resource.contentType),
    ...(options.origin === undefined ? {} : { origin: options.origin }),
  });
  if (answer.status === 412) {
    throw new Refused("already_there", `${upload.about} is there already`, "a new key, or no upload");
  }
  if (!isSuccess(answer.status)) throw failureOf(answer, upload.about);
  return { url: sessionAddress(answer, upload.about) };
}
