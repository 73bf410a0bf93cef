/** The lake on Google Cloud Storage: one object is one object of the bucket. */

import { Readable } from "node:stream";
import { CRC32C, Storage } from "@google-cloud/storage";
import { type Clock, systemClock } from "../core/clock.ts";
import type { RetryOptions } from "../core/retry.ts";
import { gcsClient, isSuccess } from "./gcs-client.ts";
import { create, openUpload } from "./gcs-create.ts";
import { checkedBody } from "./gcs-download.ts";
import { failureOf, isMissingObject } from "./gcs-errors.ts";
import { type Signer, signedLink } from "./gcs-link.ts";
import {
  find,
  type GcsEnvironment,
  gcsPage,
  objectFields,
  objectPath,
  objectsPath,
  removeGeneration,
} from "./gcs-object.ts";
import type { ByteRange, Lake, LakeLinks, LakeObject } from "./lake.ts";
import { checkKey } from "./layout.ts";
import { refuseWhileRetained } from "./retention.ts";

export interface GcsLakeOptions {
  readonly bucket: string;
  /** Another address of the service; one with `http:` is a trial server's and gets no credentials. */
  readonly endpoint?: string;
  /** A service account's key. @default the application default credentials, which in the cloud need no key */
  readonly credentials?: { readonly client_email: string; readonly private_key: string };
  /**
   * Which new objects lie under an event-based hold until `release`; the others are exempted from the bucket's default, so
   * that they are kept from their creation on. Undefined where the bucket holds nothing.
   */
  readonly isHeld?: (key: string) => boolean;
  /** Younger objects are refused here, without asking; the bucket's own policy and holds count in any case. @default 0 */
  readonly retentionMs?: number;
  readonly clock?: Clock;
  /** Called just before an object appears; undefined where the bucket's notifications tell of it. */
  readonly announce?: (key: string) => Promise<void>;
  /** What is larger goes in pieces of so many bytes, a multiple of 256 KiB; an upload takes this much memory. @default 8 MiB */
  readonly pieceBytes?: number;
  /** A request on which nothing moves for so long has failed. @default 30000 */
  readonly idleMs?: number;
  /** Connections for downloads, and as many again for everything else. @default 64 */
  readonly connections?: number;
  /** Of a single request; each of them is safe to repeat. @default 4 attempts, the second after 200 ms */
  readonly retry?: RetryOptions;
}

export type GcsLake = Lake & LakeLinks;

const serviceEndpoint = "https://storage.googleapis.com";
const keysInAPage = 1000;

/** A lake in a bucket. Its account reads, lists, creates, updates and deletes objects (`roles/storage.objectUser`). */
export function gcsLake(options: GcsLakeOptions): GcsLake {
  const { retentionMs = 0, clock = systemClock } = options;
  const { env, storage } = connect(options);
  const { addressOf, client } = env;

  return {
    create: async (key, body, metadata = {}) => create(env, checkKey(key), body, metadata),
    read: async (key, range) => read(env, checkKey(key), range),
    stat: async (key) => (await find(env, checkKey(key)))?.object,
    list: ({ prefix, after }) => list(env, prefix, after),
    remove: async (key) =>
      remove(env, checkKey(key), (object) => refuseWhileRetained(object, retentionMs, clock)),
    release: async (key) => release(env, checkKey(key)),
    url: (key) => addressOf(checkKey(key)),
    readUrl: async (key, { expiresInMs }) =>
      signedLink(addressOf(key), expiresInMs, clock, signerFor(storage, options.bucket, checkKey(key))),
    openUpload: async (key, upload) => openUpload(env, checkKey(key), upload),
    close: async () => client.close(),
  };
}

/**
 * Reads objects that are no lake's, under any name: the first `maxBytes` bytes, or undefined when there is none. Its account
 * reads objects (`roles/storage.objectViewer`).
 */
export function gcsReader(
  options: Omit<GcsLakeOptions, "bucket">,
): (bucket: string, name: string, maxBytes: number) => Promise<Buffer | undefined> {
  const { env } = connect({ ...options, bucket: "" });
  return async (bucket, name, maxBytes) => {
    const addressOf = (key: string) => `gs://${bucket}/${key}`;
    const found = await read({ ...env, bucket, addressOf }, name, { start: 0, end: maxBytes });
    if (found === undefined) return undefined;
    const chunks: Buffer[] = [];
    for await (const chunk of found.body) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
}

function connect(options: GcsLakeOptions): {
  readonly env: GcsEnvironment;
  readonly storage: Storage | undefined;
} {
  const { endpoint = serviceEndpoint, credentials } = options;
  const isTrial = endpoint.startsWith("http:");
  const storage =
    isTrial && credentials === undefined
      ? undefined
      : new Storage({ apiEndpoint: endpoint, ...(credentials && { credentials }) });
  const client = gcsClient({
    endpoint,
    authorize: async () => (isTrial ? {} : ((await storage?.authClient.getRequestHeaders()) ?? {})),
    idleMs: options.idleMs ?? 30_000,
    connections: options.connections ?? 64,
    retry: { attempts: 4, firstWaitMs: 200, longestWaitMs: 5000, ...options.retry },
  });
  const addressOf = (key: string) => `gs://${options.bucket}/${key}`;
  return { env: { ...options, client, addressOf, newChecksum: () => new CRC32C() }, storage };
}

async function read(env: GcsEnvironment, key: string, range: ByteRange | undefined) {
  const found = await find(env, key);
  if (found === undefined) return undefined;
  const { object, generation, crc32c } = found;
  const start = Math.min(range?.start ?? 0, object.sizeBytes);
  const end = Math.min(range?.end ?? object.sizeBytes, object.sizeBytes);
  if (end <= start) return { object, body: Readable.from([], { objectMode: false }) };

  const isWhole = end - start === object.sizeBytes;
  const about = env.addressOf(key);
  const opened = await env.client.open({
    method: "GET",
    to: objectPath(env.bucket, key),
    query: { alt: "media", generation },
    // Compressed objects come as they are stored, which is what size and checksum are of.
    headers: { "accept-encoding": "gzip", ...(isWhole ? {} : { range: `bytes=${start}-${end - 1}` }) },
    about,
  });
  if ("status" in opened) {
    if (isMissingObject(opened)) return undefined;
    throw failureOf(opened, about);
  }
  const check =
    isWhole && crc32c !== undefined ? { expected: crc32c, checksum: env.newChecksum() } : undefined;
  return { object, body: checkedBody(opened, { bytes: end - start, crc32c: check, about }) };
}

/** Page by page. What another program put there under a name that is no key is left out. */
async function* list({ client, bucket }: GcsEnvironment, prefix: string, after = ""): AsyncGenerator<string> {
  const about = `gs://${bucket}`;
  let pageToken: string | undefined;
  do {
    const answer = await client.send({
      method: "GET",
      to: objectsPath(bucket),
      query: {
        prefix,
        maxResults: String(keysInAPage),
        fields: "items(name),nextPageToken",
        ...(after && { startOffset: after }),
        ...(pageToken && { pageToken }),
      },
      about,
    });
    if (!isSuccess(answer.status)) throw failureOf(answer, about);
    const page = gcsPage(answer.json, about);
    for (const name of page.names) if (name > after && isKey(name)) yield name;
    pageToken = page.nextPageToken;
  } while (pageToken);
}

function isKey(name: string): boolean {
  try {
    return checkKey(name) === name;
  } catch {
    return false;
  }
}

async function remove(
  env: GcsEnvironment,
  key: string,
  refuse: (object: LakeObject) => void,
): Promise<boolean> {
  const found = await find(env, key);
  if (found === undefined) return false;
  refuse(found.object);
  const answer = await removeGeneration(env, found);
  if (isSuccess(answer.status)) return true;
  // Gone after a try without an answer: it was that try. A precondition on what is gone may be told as unmet, too.
  const isGone = async () => (await find(env, key))?.generation !== found.generation;
  if (answer.isRepeated && [404, 412].includes(answer.status) && (await isGone())) return true;
  if (isMissingObject(answer)) return false;
  throw failureOf(answer, env.addressOf(key));
}

/** Looks first: an object that is not held is not touched, and the hold of no later object is ended. */
async function release(env: GcsEnvironment, key: string): Promise<void> {
  if (env.isHeld === undefined) return;
  const found = await find(env, key);
  if (!found?.isHeld) return;
  const answer = await env.client.send({
    method: "PATCH",
    to: objectPath(env.bucket, key),
    query: {
      ifGenerationMatch: found.generation,
      ifMetagenerationMatch: found.metageneration,
      fields: objectFields,
    },
    headers: { "content-type": "application/json; charset=UTF-8" },
    body: [Buffer.from(JSON.stringify({ eventBasedHold: false }))],
    about: env.addressOf(key),
  });
  if (isSuccess(answer.status) || isMissingObject(answer)) return;
  // Changed meanwhile, perhaps by a try of ours whose answer was lost.
  if (answer.status === 412 && !(await find(env, key))?.isHeld) return;
  throw failureOf(answer, env.addressOf(key));
}

function signerFor(storage: Storage | undefined, bucket: string, key: string): Signer | undefined {
  const file = storage?.bucket(bucket).file(key);
  return file && (async (span) => (await file.getSignedUrl({ version: "v4", action: "read", ...span }))[0]);
}
