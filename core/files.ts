/** The few file operations that need care to be durable, for everything that keeps files in folders. */

import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "./errors.ts";

/** Makes new and removed names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return; // Windows cannot open a folder for this, and needs it less.
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
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
