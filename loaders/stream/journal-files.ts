/** Where a journal keeps things in its directory, and the few file operations that need care to be durable. */

import { randomUUID } from "node:crypto";
import { open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Misconfigured, messageOf, Unavailable } from "../../core/errors.ts";
import { sweepFiles, syncFolder } from "../../core/files.ts";

export interface TopicFolders {
  /** What the topic was made with. */
  readonly settings: string;
  /** The log files of a partition. */
  log(partition: number): string;
  /** The claims to write to a partition; apart from the log, so that they do not wake its readers. */
  writers(partition: number): string;
  /** The commits of all groups. */
  readonly groups: string;
}

export function topicFolders(root: string, topic: string): TopicFolders {
  const folder = join(root, topic);
  return {
    settings: join(folder, "topic.json"),
    log: (partition) => join(folder, String(partition)),
    writers: (partition) => join(folder, "writers", String(partition)),
    groups: join(folder, "groups"),
  };
}

/** The log file whose first record has this offset; the names sort as the offsets do. */
export function logFile(directory: string, base: bigint): string {
  return join(directory, `${base.toString().padStart(20, "0")}.log`);
}

/** The first offsets of the log files, ascending. */
export async function logBases(directory: string): Promise<bigint[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{20}\.log$/.test(name));
  return names.sort().map((name) => BigInt(name.slice(0, 20)));
}

/** Replaces a small file so that a reader sees the old or the new text whole, also after a power failure. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Removes what `replaceFile` leaves in a folder when its process is killed. */
export function sweepTemporaries(folder: string): Promise<void> {
  return sweepFiles(folder, { olderThanMs: 60_000, ending: ".tmp" });
}

/** Runs work on a folder; a system error (a full disk, a lost mount) becomes one that is worth another try. */
export async function orUnavailable<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Misconfigured || error instanceof Unavailable) throw error;
    throw new Unavailable(`${folder} cannot be read or written: ${messageOf(error)}`, { cause: error });
  }
}
