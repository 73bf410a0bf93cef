/** What the bare arms keep: one file with one sync, in 256 folders that are made beforehand. */

import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";

/** Two hexadecimal digits, as in the lake's keys. */
export function shardOf(name: string): string {
  return name.slice(0, 2);
}

export async function makeShards(root: string): Promise<void> {
  for (let shard = 0; shard < 256; shard++) {
    await mkdir(join(root, shard.toString(16).padStart(2, "0")), { recursive: true });
  }
}

/** Open, write, sync, close; the name itself is not synced. */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
