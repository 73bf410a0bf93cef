/** The lake in a directory: what `npm start` uses. One object is one file; see folder-file.ts. */

import { randomUUID } from "node:crypto";
import { closeSync, existsSync, linkSync, unlinkSync } from "node:fs";
import { type FileHandle, mkdir, open, opendir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { type Clock, systemClock } from "../core/clock.ts";
import { hasCode, Refused, Unavailable } from "../core/errors.ts";
import { openDescriptor, sweepFiles, syncDescriptor, syncFolder } from "../core/files.ts";
import { readContent, writeContent } from "./folder-file.ts";
import type { Body, ByteRange, Creation, Lake, LakeObject, ListOptions, Metadata } from "./lake.ts";
import { checkKey } from "./layout.ts";
import { refuseWhileRetained } from "./retention.ts";

export interface FolderLakeOptions {
  /** Directory that holds the objects; created when missing. */
  readonly root: string;
  /** Objects younger than this cannot be removed. @default 0 */
  readonly retentionMs?: number;
  readonly clock?: Clock;
  /** Called just before an object appears, with its file: a notice left here survives a crash right after it. */
  readonly announce?: (key: string, file: string) => Promise<void>;
}

/** A temporary file so old is a killed writer's; a living one needs far less for a file. */
const leftBehindMs = 3_600_000;

/** An announcement is good for so long; a notice is dropped after twice as long (folder-arrivals.ts). */
const announcementMs = 5000;

/** A lake in a directory of a local file system that knows hard links (ext4, xfs, btrfs, APFS, NTFS). */
export function folderLake(options: FolderLakeOptions): Lake {
  const { retentionMs = 0, clock = systemClock, announce } = options;
  const root = resolve(options.root);
  let isSwept = false;
  const pathOf = (key: string) => join(root, checkKey(key));

  return {
    async create(key: string, body: Body, metadata: Metadata = {}): Promise<Creation> {
      const path = pathOf(key);
      const temporary = join(root, ".tmp", randomUUID());
      const source = watched(body);
      if (!isSwept) void sweepFiles(join(root, ".tmp"), { olderThanMs: leftBehindMs }).catch(() => undefined);
      isSwept = true;
      try {
        // Asked first, so that a repeat is not announced as an arrival again; the link below decides.
        const there = existsSync(path) ? await statObject(path, key) : undefined;
        if (there !== undefined) {
          await syncFolder(dirname(path));
          return { isCreated: false, object: there };
        }
        const sizeBytes = await writeTemporary(temporary, source.body, metadata);
        const announcedMs = clock.elapsedMs();
        await announce?.(key, temporary);
        const isCreated = await linkAs(temporary, path);
        // Who was suspended in between may have been taken for dead, and the notice dropped.
        if (clock.elapsedMs() - announcedMs > announcementMs) await announce?.(key, temporary);
        removeTemporary(temporary);
        // Also when another creator won: it may have died before its name was durable.
        await syncFolder(dirname(path));
        if (!isCreated) return { isCreated, object: await present(path, key) };
        return {
          isCreated: true,
          object: { key, sizeBytes, createdAt: clock.now(), metadata: { ...metadata } },
        };
      } catch (error) {
        // Never the notice: another creator of this key may count on it.
        removeTemporary(temporary);
        throw source.hasFailed() ? error : asUnavailable(error, path);
      }
    },

    async read(key: string, range?: ByteRange) {
      const opened = await openObject(pathOf(key), key);
      if (opened === undefined) return undefined;
      const { object, file } = opened;
      const start = Math.min(range?.start ?? 0, object.sizeBytes);
      const end = Math.min(range?.end ?? object.sizeBytes, object.sizeBytes);
      if (end <= start) {
        await file.close();
        return { object, body: Readable.from([]) };
      }
      return { object, body: file.createReadStream({ start, end: end - 1 }) };
    },

    stat: async (key: string) => statObject(pathOf(key), key),

    list: ({ prefix, after = "" }: ListOptions) => walk(root, "", prefix, after),

    async remove(key: string) {
      const path = pathOf(key);
      const object = await statObject(path, key);
      if (object === undefined) return false;
      refuseWhileRetained(object, retentionMs, clock);
      unlinkSync(path);
      await syncFolder(dirname(path));
      return true;
    },

    async release(key: string) {
      checkKey(key);
    },

    url: (key: string) => pathToFileURL(pathOf(key)).href,

    close: async () => undefined,
  };
}

/** The same body, and whether an error came out of it: such an error is the sender's and keeps its kind. */
function watched(body: Body): { body: Body; hasFailed: () => boolean } {
  let failed = false;
  if (body instanceof Uint8Array) return { body, hasFailed: () => failed };
  async function* relay(chunks: AsyncIterable<Uint8Array>) {
    try {
      yield* chunks;
    } catch (error) {
      failed = true;
      throw error;
    }
  }
  return { body: relay(body), hasFailed: () => failed };
}

async function writeTemporary(path: string, body: Body, metadata: Metadata): Promise<number> {
  const file = await openOrMakeParent(path);
  try {
    const sizeBytes = await writeContent(file, body, metadata);
    await syncDescriptor(file);
    return sizeBytes;
  } finally {
    closeSync(file);
  }
}

async function openOrMakeParent(path: string): Promise<number> {
  try {
    return await openDescriptor(path, "wx");
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    await mkdir(dirname(path), { recursive: true });
    return openDescriptor(path, "wx");
  }
}

/** One that stays behind is swept later. */
function removeTemporary(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or the disk fails.
  }
}

/** Gives the file its name unless the name is taken. A link and not a rename: a rename would replace what is there. */
async function linkAs(temporary: string, path: string, isSecond = false): Promise<boolean> {
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    if (!hasCode(error, "ENOENT")) throw error;
    if (isSecond) throw new Unavailable(`${temporary} was swept away while ${path} was being created`);
    await makeDirectory(dirname(path));
    return linkAs(temporary, path, true);
  }
}

/** Creates a directory and those above it, each durable in its parent before anything is put into it. */
async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function openObject(
  path: string,
  key: string,
): Promise<{ object: LakeObject; file: FileHandle } | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw asUnavailable(error, path);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) {
      await file.close();
      return undefined;
    }
    const content = await readContent(file, stats.size, path);
    return { object: { key, createdAt: stats.mtime, ...content }, file };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function statObject(path: string, key: string): Promise<LakeObject | undefined> {
  const opened = await openObject(path, key);
  await opened?.file.close();
  return opened?.object;
}

async function present(path: string, key: string): Promise<LakeObject> {
  const object = await statObject(path, key);
  if (object !== undefined) return object;
  throw new Unavailable(`${path} was removed while it was being created again`);
}

/**
 * Keys below a directory in ascending order, without holding more than one directory of each level: a directory sorts as its
 * name with the `/` that follows it in its keys.
 */
async function* walk(root: string, above: string, prefix: string, after: string): AsyncGenerator<string> {
  for (const entry of await entriesOf(join(root, above))) {
    const key = above + entry;
    if (entry.endsWith("/")) {
      const leadsToPrefix = key.startsWith(prefix) || prefix.startsWith(key);
      const leadsPastAfter = key > after || after.startsWith(key);
      if (leadsToPrefix && leadsPastAfter) yield* walk(root, key, prefix, after);
    } else if (key.startsWith(prefix) && key > after) {
      yield key;
    }
  }
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const entry of await opendir(directory, { bufferSize: 1024 })) {
      if (entry.name.startsWith(".")) continue;
      names.push(entry.isDirectory() ? `${entry.name}/` : entry.name);
    }
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw asUnavailable(error, directory);
  }
  return names.sort();
}

/** A full or failing disk is nobody's fault here: the work is tried again or given back. */
function asUnavailable(error: unknown, path: string): unknown {
  if (error instanceof Refused || error instanceof Unavailable) return error;
  if (hasCode(error, "ENOSPC", "EDQUOT", "EIO", "EMFILE", "ENFILE", "EROFS", "EACCES", "EPERM", "ENOTDIR")) {
    return new Unavailable(`the folder lake cannot use ${path}`, { cause: error });
  }
  return error;
}
