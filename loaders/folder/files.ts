/** The files below a folder, by their names as bytes: a file system does not promise that names are text. */

import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { Misconfigured, messageOf } from "../../core/errors.ts";

export interface FoundFile {
  /** The path to open. */
  readonly path: Buffer;
  /** The path below the ingested folder; part of the image's identity. */
  readonly relativePath: Buffer;
}

const slash = Buffer.from("/");

/**
 * Every file below `root` (or `root` itself when it is a file), in order of names. Hidden files and what links point to are
 * left out. Throws `Misconfigured` when `root` cannot be read.
 */
export async function* filesBelow(root: string): AsyncGenerator<FoundFile> {
  const path = Buffer.from(root);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new Misconfigured([`there is no ${root}: expected a folder, or one file`]);
  if (found.isFile()) yield { path, relativePath: path.subarray(path.lastIndexOf("/") + 1) };
  else yield* walk(path, Buffer.alloc(0));
}

async function* walk(directory: Buffer, above: Buffer): AsyncGenerator<FoundFile> {
  for (const entry of await entriesOf(directory)) {
    const path = Buffer.concat([directory, slash, entry.name]);
    const relativePath = above.length === 0 ? entry.name : Buffer.concat([above, slash, entry.name]);
    if (entry.isDirectory()) yield* walk(path, relativePath);
    else if (entry.isFile()) yield { path, relativePath };
  }
}

async function entriesOf(directory: Buffer): Promise<readonly Dirent<Buffer>[]> {
  const entries = await readdir(directory, { encoding: "buffer", withFileTypes: true }).catch((error) => {
    throw new Misconfigured([`${directory} cannot be read: ${messageOf(error)}`]);
  });
  return entries
    .filter(({ name }) => name[0] !== ".".charCodeAt(0))
    .sort((left, right) => Buffer.compare(left.name, right.name));
}
