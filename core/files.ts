/** The few file operations that need care to be durable, for everything that keeps files in folders. */

import { closeSync, fsync, open, openSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { hasCode } from "./errors.ts";

/**
 * What may wait for the disk goes through the thread pool: to sync, and to make a file (the file system may be writing its list of
 * free ones). All else that is done to a local file (to write a small one, to change its name) happens in memory and takes
 * microseconds, so where files come in by the thousand it is done at once: a turn through the pool costs several times as much,
 * and a `FileHandle`, with an object and promises for each step, more still.
 */
export const openDescriptor = promisify(open);
export const syncDescriptor = promisify(fsync);

/** Makes new and removed names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return; // Windows cannot open a folder for this, and needs it less.
  const folder = openSync(path, "r");
  try {
    await syncDescriptor(folder);
  } finally {
    closeSync(folder);
  }
}

/** Removes files that a killed process left in a folder; younger ones may still be at work. */
export async function sweepFiles(
  folder: string,
  { olderThanMs, ending = "" }: { readonly olderThanMs: number; readonly ending?: string },
): Promise<void> {
  try {
    for (const name of (await readdir(folder)).filter((one) => one.endsWith(ending))) {
      const path = join(folder, name);
      if ((await stat(path)).mtimeMs < Date.now() - olderThanMs) await rm(path, { force: true });
    }
  } catch (error) {
    // The folder may not be there yet, and a file may be gone: another process sweeps or renames it.
    if (!hasCode(error, "ENOENT")) throw error;
  }
}
