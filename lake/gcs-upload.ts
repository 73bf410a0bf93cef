/** Uploads to Cloud Storage: one request for a small body, a resumable session of pieces for a large one. */

import { Unavailable } from "../core/errors.ts";
import { randomToken } from "../core/ids.ts";
import { retry } from "../core/retry.ts";
import { type GcsAnswer, type GcsClient, type GcsRequest, isSuccess } from "./gcs-client.ts";
import { objectFields, objectsPath } from "./gcs-object.ts";
import type { Body } from "./lake.ts";

/** CRC32C of everything that was given to `update`, in base64, as the service writes it. */
export interface Checksum {
  update(bytes: Buffer): void;
  toString(): string;
}

/** An object to be created, if its key is free. */
export interface GcsUpload {
  readonly bucket: string;
  readonly key: string;
  /** The object's `gs://` address. */
  readonly about: string;
  /** This write's mark in the custom metadata. */
  readonly write: string;
  readonly resource: {
    readonly contentType: string;
    readonly metadata: Readonly<Record<string, string>>;
    readonly eventBasedHold?: boolean;
  };
  /** Has seen the whole body when an upload was answered with success. */
  readonly checksum: Checksum;
}

/** A part of a body that is kept until the service has it, so that it can be sent again. */
export interface Piece {
  readonly bytes: Buffer;
  readonly isLast: boolean;
}

const incomplete = 308;

/** The body in pieces of `pieceBytes`; the last one may be shorter, and is the only one of a small body. */
export async function* piecesOf(body: Body, pieceBytes: number): AsyncGenerator<Piece, void> {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    kept.push(asBuffer(chunk));
    keptBytes += chunk.length;
    if (keptBytes <= pieceBytes) continue;
    let rest = joined(kept);
    for (; rest.length > pieceBytes; rest = rest.subarray(pieceBytes)) {
      yield { bytes: rest.subarray(0, pieceBytes), isLast: false };
    }
    kept = [rest];
    keptBytes = rest.length;
  }
  yield { bytes: joined(kept), isLast: true };
}

/** Creates the object by one request, which may be repeated. Answers success, or 412 when the key is taken. */
export function uploadWhole(client: GcsClient, upload: GcsUpload, bytes: Buffer): Promise<GcsAnswer> {
  upload.checksum.update(bytes);
  const resource = { ...upload.resource, crc32c: upload.checksum.toString() };
  const boundary = randomToken(24);
  return client.send({
    ...creation(upload, "multipart"),
    headers: { "content-type": `multipart/related; boundary=${boundary}` },
    body: [
      Buffer.from(`--${boundary}\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(resource)}\r\n`),
      Buffer.from(`--${boundary}\r\ncontent-type: ${resource.contentType}\r\n\r\n`),
      bytes,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ],
  });
}

/**
 * Opens a resumable session, whose address is the permission to send this one object. Answers success with the address in the
 * header `location`, or 412 when the key is taken.
 */
export function openSession(
  client: GcsClient,
  upload: GcsUpload,
  headers: Readonly<Record<string, string>> = {},
): Promise<GcsAnswer> {
  return client.send({
    ...creation(upload, "resumable"),
    headers: { "content-type": "application/json; charset=UTF-8", ...headers },
    body: [Buffer.from(JSON.stringify(upload.resource))],
  });
}

/**
 * Creates the object by a session (cloud.google.com/storage/docs/performing-resumable-uploads). A piece whose answer is lost
 * is asked after and sent on from where the service has it; the last one carries the checksum of all, so that damaged bytes
 * never become an object. Whatever goes wrong, nothing is left: the session is cancelled.
 */
export async function uploadPieces(
  client: GcsClient,
  upload: GcsUpload,
  pieces: AsyncIterable<Piece>,
): Promise<GcsAnswer> {
  const opened = await openSession(client, upload);
  if (!isSuccess(opened.status)) return opened;
  const session = { to: sessionAddress(opened, upload.about), about: upload.about };
  const cancel = () => client.sendOnce({ ...session, method: "DELETE" }).catch(() => undefined);
  try {
    const answer = await sendPieces(client, session, upload, pieces);
    // Not of the bucket, which was there a moment ago.
    if (answer.status === 404) throw new Unavailable(`${upload.about}: the session of the upload is gone`);
    if (!isSuccess(answer.status)) await cancel();
    return answer;
  } catch (error) {
    await cancel();
    throw error;
  }
}

async function sendPieces(
  client: GcsClient,
  session: Session,
  { about, checksum }: GcsUpload,
  pieces: AsyncIterable<Piece>,
): Promise<GcsAnswer> {
  let start = 0;
  for await (const piece of pieces) {
    checksum.update(piece.bytes);
    const answer = await sendPiece(client, session, { ...piece, start, checksum });
    start += piece.bytes.length;
    if (piece.isLast || answer.status !== incomplete) return answer;
  }
  throw new Unavailable(`${about}: the body ended without its last piece`);
}

/** The address in the answer to `openSession`. */
export function sessionAddress({ headers }: GcsAnswer, about: string): string {
  if (headers.location !== undefined) return headers.location;
  throw new Unavailable(`${about}: Cloud Storage opened an upload without an address`);
}

type Session = Pick<GcsRequest, "to" | "about">;

interface PlacedPiece extends Piece {
  /** Bytes before this piece. */
  readonly start: number;
  readonly checksum: Checksum;
}

/** Answers 308 when the service has a piece that is not the last. */
function sendPiece(client: GcsClient, session: Session, piece: PlacedPiece): Promise<GcsAnswer> {
  return retry(async (attempt) => {
    let from = piece.start;
    if (attempt > 1) {
      const found = await client.sendOnce({
        ...session,
        method: "PUT",
        headers: { "content-range": "bytes */*" },
      });
      if (found.status !== incomplete) return found;
      from = receivedIn(found, piece, session.about);
    }
    for (;;) {
      const answer = await client.sendOnce({ ...session, method: "PUT", ...placed(piece, from) });
      if (answer.status !== incomplete) return answer;
      const received = receivedIn(answer, piece, session.about);
      if (!piece.isLast && received === piece.start + piece.bytes.length) return answer;
      if (received === from) throw new Unavailable(`${session.about}: Cloud Storage takes no more bytes`);
      from = received;
    }
  }, client.retry);
}

/** The rest of the piece from the byte `from` of the object. */
function placed({ bytes, start, isLast, checksum }: PlacedPiece, from: number) {
  const end = start + bytes.length;
  const total = isLast ? String(end) : "*";
  const range = from === end ? "*" : `${from}-${end - 1}`;
  const hash = isLast ? { "x-goog-hash": `crc32c=${checksum}` } : {};
  return {
    headers: { "content-range": `bytes ${range}/${total}`, ...hash },
    body: [bytes.subarray(from - start)],
  };
}

/** How many bytes of the object the service has; it must have all before this piece, for they cannot be sent again. */
function receivedIn({ headers }: GcsAnswer, { start, bytes }: PlacedPiece, about: string): number {
  const [, last] = /^bytes=0-(\d+)$/.exec(String(headers.range)) ?? [];
  const received = last === undefined ? 0 : Number(last) + 1;
  if (received >= start && received <= start + bytes.length) return received;
  throw new Unavailable(`${about}: Cloud Storage has ${received} bytes of an upload and was sent other ones`);
}

/** Only if the key is free: this makes every creation safe to repeat. */
function creation({ bucket, key, about }: GcsUpload, uploadType: "multipart" | "resumable") {
  return {
    method: "POST",
    to: `/upload${objectsPath(bucket)}`,
    query: { uploadType, name: key, ifGenerationMatch: "0", fields: objectFields },
    about,
  } as const;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}
