/**
 * One object as one file: its bytes, then a trailer with its metadata, so that no crash can separate the two and any image
 * viewer opens the file as it is (decoders ignore what follows the picture).
 *
 * The trailer is the metadata as JSON, its length in bytes (32 bit, big endian) and a magic word. An object without metadata
 * has no trailer and is exactly its bytes, unless these end in the magic word themselves: then an empty trailer tells the two apart.
 */

import { writev, writevSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { Refused } from "../core/errors.ts";
import type { Body, Metadata } from "./lake.ts";

const magic = Buffer.from("DRKROOM1", "latin1");
const endLength = 4 + magic.length;

export interface FileContent {
  readonly sizeBytes: number;
  readonly metadata: Metadata;
}

/** Writes body and trailer to an empty file (its descriptor); returns the body's size. */
export async function writeContent(file: number, body: Body, metadata: Metadata): Promise<number> {
  if (body instanceof Uint8Array) {
    await writeAll(file, [body, trailerAfter(body, metadata)]);
    return body.length;
  }
  let sizeBytes = 0;
  let tail = Buffer.alloc(0);
  for await (const chunk of body) {
    await writeAll(file, [chunk]);
    sizeBytes += chunk.length;
    tail = Buffer.concat([tail, chunk.subarray(-magic.length)]).subarray(-magic.length);
  }
  await writeAll(file, [trailerAfter(tail, metadata)]);
  return sizeBytes;
}

/** Reads the trailer, if there is one, of a file of `fileSize` bytes; `path` is for the message when it is damaged. */
export async function readContent(file: FileHandle, fileSize: number, path: string): Promise<FileContent> {
  const end = await readAt(file, Math.max(0, fileSize - endLength), Math.min(fileSize, endLength));
  if (end.length < endLength || !end.subarray(4).equals(magic)) return { sizeBytes: fileSize, metadata: {} };
  const length = end.readUInt32BE(0);
  const sizeBytes = fileSize - endLength - length;
  if (sizeBytes < 0) throw damaged(path);
  const json = await readAt(file, sizeBytes, length);
  try {
    return { sizeBytes, metadata: JSON.parse(json.toString("utf8")) };
  } catch {
    throw damaged(path);
  }
}

const writeParts = promisify(writev);

/** So much is copied into memory at once, in less time than a turn through the thread pool takes (core/files.ts). */
const mostAtOnce = 256 * 1024;

/** In as few calls as the system allows; it may take a part only. */
async function writeAll(file: number, parts: readonly Uint8Array[]): Promise<void> {
  const isSmall = parts.reduce((sum, { length }) => sum + length, 0) <= mostAtOnce;
  for (let rest = without(parts, 0); rest.length > 0; ) {
    const written = isSmall ? writevSync(file, rest) : (await writeParts(file, rest)).bytesWritten;
    rest = without(rest, written);
  }
}

/** What is left of the parts after so many bytes; never an empty part. */
function without(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  return parts.flatMap((part) => {
    const skipped = Math.min(skip, part.length);
    skip -= skipped;
    return skipped === part.length ? [] : [part.subarray(skipped)];
  });
}

/** The trailer after a body that ends in these bytes; empty when there has to be none. */
function trailerAfter(end: Uint8Array, metadata: Metadata): Uint8Array {
  const isNeeded = Object.keys(metadata).length > 0 || magic.equals(end.subarray(-magic.length));
  return isNeeded ? trailerOf(metadata) : new Uint8Array();
}

function trailerOf(metadata: Metadata): Buffer {
  const json = JSON.stringify(metadata);
  const length = Buffer.byteLength(json, "utf8");
  const trailer = Buffer.allocUnsafe(length + endLength);
  trailer.write(json, "utf8");
  trailer.writeUInt32BE(length, length);
  magic.copy(trailer, length + 4);
  return trailer;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  return bytes.subarray(0, bytesRead);
}

function damaged(path: string): Refused {
  return new Refused(
    "damaged_object",
    `${path} has a damaged trailer`,
    "a whole file: restore it, or remove it",
  );
}
