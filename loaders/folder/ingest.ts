/** The folder door: every image below a folder into the lake, once, however often it is run and wherever it is stopped. */

import { open, stat } from "node:fs/promises";
import { createBudget } from "../../core/budget.ts";
import { messageOf, Refused } from "../../core/errors.ts";
import { folderImageId, sha256 } from "../../core/ids.ts";
import {
  checkContent,
  type IntakeEnvironment,
  type Submission,
  takeIn,
  takenBefore,
  takeRefused,
} from "../intake.ts";
import { utf8 } from "../text.ts";
import { type FoundFile, filesBelow } from "./files.ts";

export interface IngestOptions {
  /** A folder or one file. */
  readonly path: string;
  readonly customerId: string;
  /** Looks and counts, writes nothing. */
  readonly isDryRun: boolean;
  /** Stops between files; what is under way is finished. */
  readonly signal: AbortSignal;
  readonly onFile?: (summary: IngestSummary, file: FileResult) => void;
}

export interface IngestSummary {
  /** Files looked at. */
  files: number;
  ingested: number;
  refused: number;
  /** Taken in (or refused) by an earlier run. */
  skipped: number;
  /** Neither an image nor named like one. */
  others: number;
  /** Could not be opened or read. */
  unreadable: number;
  ingestedBytes: number;
}

export type FileResult =
  | { readonly kind: "ingested" | "skipped" | "others"; readonly file: string; readonly bytes: number }
  | { readonly kind: "unreadable"; readonly file: string; readonly message: string }
  | { readonly kind: "refused"; readonly file: string; readonly bytes: number; readonly reason: Refused };

/** Files read and stored at a time. */
const concurrency = 8;

/** Names that claim to be an image: such a file is refused with a row when it is none; others are passed over. */
const imageName =
  /\.(jpe?g|jpe|jfif|a?png|webp|gif|avif|tiff?|svgz?|hei[cf]|bmp|ico|psd|jp2|jxl|cr2|cr3|nef|arw|dng|raf|eps|pdf)$/i;

/** How many files there are, for a progress bar. */
export async function countFiles(path: string): Promise<number> {
  let count = 0;
  for await (const _ of filesBelow(path)) count += 1;
  return count;
}

/** Takes in what is below the path. Throws `Misconfigured` when it cannot be read, `Unavailable` when the lake cannot be written. */
export async function ingest(env: IntakeEnvironment, options: IngestOptions): Promise<IngestSummary> {
  const summary: IngestSummary = {
    files: 0,
    ingested: 0,
    refused: 0,
    skipped: 0,
    others: 0,
    unreadable: 0,
    ingestedBytes: 0,
  };
  const slots = createBudget(concurrency);
  const failures: unknown[] = [];
  for await (const found of filesBelow(options.path)) {
    const release = await slots.take();
    if (options.signal.aborted || failures.length > 0) {
      release();
      break;
    }
    takeFile(env, options, found)
      .then((result) => {
        summary.files += 1;
        summary[result.kind] += 1;
        if (result.kind === "ingested") summary.ingestedBytes += result.bytes;
        options.onFile?.(summary, result);
      })
      .catch((error) => failures.push(error))
      .finally(release);
  }
  await slots.whenFree();
  if (failures.length > 0) throw failures[0];
  return summary;
}

async function takeFile(
  env: IntakeEnvironment,
  { customerId, isDryRun }: IngestOptions,
  found: FoundFile,
): Promise<FileResult> {
  const file = found.relativePath.toString("utf8");
  let bytes: Buffer;
  try {
    bytes = await readUpTo(found.path, env.maxImageBytes + 1);
  } catch (error) {
    return { kind: "unreadable", file, message: messageOf(error) };
  }
  const fault = await faultOf(found, bytes, env.maxImageBytes);
  const isNoImage = fault?.reason === "type_not_allowed" || fault?.reason === "empty";
  if (isNoImage && !imageName.test(file)) return { kind: "others", file, bytes: bytes.length };
  const contentSha256 = sha256(bytes);
  const imageId = folderImageId(customerId, found.relativePath, contentSha256);
  if (await takenBefore(env.lake, imageId, contentSha256))
    return { kind: "skipped", file, bytes: bytes.length };
  if (fault !== undefined && isDryRun) return { kind: "refused", file, bytes: bytes.length, reason: fault };
  if (isDryRun) return { kind: "ingested", file, bytes: bytes.length };

  const submission: Submission = {
    imageId,
    source: "folder",
    sourceRef: file,
    customerId,
    declaredType: undefined,
    fileName: file.slice(file.lastIndexOf("/") + 1),
    bytes,
    contentSha256,
  };
  const receipt = await (fault ? takeRefused(env, submission, fault) : takeIn(env, submission));
  return receipt.status === "accepted"
    ? { kind: "ingested", file, bytes: bytes.length }
    : { kind: "refused", file, bytes: bytes.length, reason: receipt.refusal };
}

/** What is wrong with a file whoever the customer is. */
async function faultOf(
  found: FoundFile,
  bytes: Uint8Array,
  maxImageBytes: number,
): Promise<Refused | undefined> {
  try {
    utf8(found.relativePath, "file name");
    await checkContent(bytes, maxImageBytes);
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

/** At most `most` bytes of the file: a huge file costs no more memory than the limit. */
async function readUpTo(path: Buffer, most: number): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const wanted = Math.min((await stat(path)).size, most);
    const bytes = Buffer.allocUnsafe(wanted);
    let size = 0;
    while (size < wanted) {
      const { bytesRead } = await file.read(bytes, size, wanted - size, size);
      if (bytesRead === 0) break;
      size += bytesRead;
    }
    return bytes.subarray(0, size);
  } finally {
    await file.close();
  }
}
