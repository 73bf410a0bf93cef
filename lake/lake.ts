/** The port of the lake: objects that are written once, whole, with their metadata, and never changed. */

import type { Readable } from "node:stream";

/** Customer- and system-given facts about an object; at most 8 KiB in all (the limit of Cloud Storage's custom metadata). */
export type Metadata = Readonly<Record<string, string>>;

export interface LakeObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly createdAt: Date;
  readonly metadata: Metadata;
}

export interface Creation {
  /** False when an object of this key was there already; it is left as it was. */
  readonly isCreated: boolean;
  /** The object that is there now. */
  readonly object: LakeObject;
}

/** Bytes from `start` up to but not including `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface ListOptions {
  readonly prefix: string;
  /** Only keys that sort after this one. */
  readonly after?: string;
}

export type Body = Uint8Array | AsyncIterable<Uint8Array>;

export interface Lake {
  /**
   * Creates the object if its key is free: bytes and metadata appear together, or not at all, and are durable when this
   * resolves. Of several creators of one key exactly one wins. May be retried. An error thrown by `body` comes out unchanged.
   */
  create(key: string, body: Body, metadata?: Metadata): Promise<Creation>;
  /** The object and a stream of its bytes (or of a range), or undefined when there is none. */
  read(key: string, range?: ByteRange): Promise<{ object: LakeObject; body: Readable } | undefined>;
  /** The object, or undefined when there is none. */
  stat(key: string): Promise<LakeObject | undefined>;
  /** Keys in ascending order of their bytes; what is created or removed meanwhile may or may not appear. */
  list(options: ListOptions): AsyncIterable<string>;
  /** Removes the object; false when there was none. Throws `Refused` (`retained`) while it is younger than the retention. */
  remove(key: string): Promise<boolean>;
  /**
   * Ends the hold under which a new original lies, so that the time for which it is kept begins now. May be repeated; does
   * nothing where the lake holds nothing, or nothing is there.
   */
  release(key: string): Promise<void>;
  /** Where another program, for example the warehouse, reads the object: `file://…` or `gs://…`. */
  url(key: string): string;
  /** Releases connections; nothing else may be under way. */
  close(): Promise<void>;
}

/** What a lake offers to people beyond this process, where it can: places that need no further credentials. */
export interface LakeLinks {
  /** A link that reads the object until it expires. */
  readUrl(key: string, options: { readonly expiresInMs: number }): Promise<string>;
  /**
   * Opens an upload of one object: whoever has the address sends the bytes there. Created only if the key is free, with this
   * metadata; the address expires by itself (after a week on Cloud Storage). Throws `Refused` (`already_there`) when the lake can tell
   * already now that the key is taken.
   */
  openUpload(key: string, options: UploadOptions): Promise<{ readonly url: string }>;
}

export interface UploadOptions {
  readonly metadata: Metadata;
  readonly sizeBytes: number;
  readonly contentType?: string;
  /** The page that will send, for a browser's same-origin rule. */
  readonly origin?: string;
}

/** The whole object in memory, or undefined when there is none. */
export async function readWhole(
  lake: Lake,
  key: string,
): Promise<{ object: LakeObject; bytes: Buffer } | undefined> {
  const found = await lake.read(key);
  if (found === undefined) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of found.body) chunks.push(chunk);
  return {
    object: found.object,
    bytes: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks),
  };
}
