/** A small disk of its own for a folder lake, which can be filled up; a tmpfs, so it needs Linux and the right to mount. */

import { execFile } from "node:child_process";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { hasCode, messageOf } from "../core/errors.ts";

export interface SmallDisk {
  readonly folder: string;
  /** Leaves no byte free. */
  fill(): Promise<void>;
  /** Frees what `fill` took. */
  free(): Promise<void>;
  unmount(): Promise<void>;
}

const run = promisify(execFile);
const size = "48m";
const mebibyte = Buffer.alloc(1024 * 1024);

/** Mounts it at the folder, or says why that is not possible here. */
export async function mountSmallDisk(folder: string): Promise<SmallDisk | { readonly reason: string }> {
  await mkdir(folder, { recursive: true });
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]);
  } catch (error) {
    return { reason: `no disk can be mounted here: ${messageOf(error).trim().split("\n").at(-1)}` };
  }
  const ballast = join(folder, ".ballast");
  return {
    folder,
    async fill() {
      const file = await open(ballast, "a");
      try {
        for (let piece = mebibyte; piece.length > 0; ) {
          if (!(await isWritten(file, piece))) piece = piece.subarray(0, Math.floor(piece.length / 2));
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
    async unmount() {
      // Lazily: a process that was only just killed may still be in it.
      await run("umount", ["-l", folder]);
    },
  };
}

async function isWritten(file: FileHandle, piece: Buffer): Promise<boolean> {
  try {
    return (await file.write(piece)).bytesWritten > 0;
  } catch (error) {
    if (hasCode(error, "ENOSPC")) return false;
    throw error;
  }
}
