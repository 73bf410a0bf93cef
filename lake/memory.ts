/** The lake in memory: the reference of the port's promises, and the double in other rooms' tests. */

import { Readable } from "node:stream";
import { type Clock, systemClock } from "../core/clock.ts";
import type { Body, ByteRange, Creation, Lake, LakeObject, ListOptions, Metadata } from "./lake.ts";
import { checkKey } from "./layout.ts";
import { refuseWhileRetained } from "./retention.ts";

export interface MemoryLakeOptions {
  /** Objects younger than this cannot be removed. @default 0 */
  readonly retentionMs?: number;
  readonly clock?: Clock;
  /** Called just before an object appears. */
  readonly announce?: (key: string) => Promise<void>;
}

interface Stored {
  readonly object: LakeObject;
  readonly bytes: Buffer;
}

/** A lake that ends with the process. */
export function memoryLake(options: MemoryLakeOptions = {}): Lake {
  const { retentionMs = 0, clock = systemClock, announce } = options;
  const objects = new Map<string, Stored>();

  return {
    async create(key: string, body: Body, metadata: Metadata = {}): Promise<Creation> {
      checkKey(key);
      const bytes = await collect(body);
      const before = objects.get(key);
      if (before !== undefined) return { isCreated: false, object: before.object };
      await announce?.(key);
      const there = objects.get(key);
      if (there !== undefined) return { isCreated: false, object: there.object };
      const object = { key, sizeBytes: bytes.length, createdAt: clock.now(), metadata: { ...metadata } };
      objects.set(key, { object, bytes });
      return { isCreated: true, object };
    },

    async read(key: string, range?: ByteRange) {
      const stored = objects.get(checkKey(key));
      if (stored === undefined) return undefined;
      const bytes = range === undefined ? stored.bytes : stored.bytes.subarray(range.start, range.end);
      return { object: stored.object, body: Readable.from([bytes], { objectMode: false }) };
    },

    async stat(key: string) {
      return objects.get(checkKey(key))?.object;
    },

    async *list({ prefix, after = "" }: ListOptions) {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after);
      yield* keys.sort();
    },

    async remove(key: string) {
      const stored = objects.get(checkKey(key));
      if (stored === undefined) return false;
      refuseWhileRetained(stored.object, retentionMs, clock);
      return objects.delete(key);
    },

    async release(key: string) {
      checkKey(key);
    },

    url: (key: string) => `memory:${checkKey(key)}`,

    close: async () => undefined,
  };
}

async function collect(body: Body): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
