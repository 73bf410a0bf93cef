/**
 * Arrivals of a folder lake: one small file a notice in `.arrivals/`, left just before the object appears and removed when it
 * is acknowledged. What waits is the directory's content, so a start needs no scan of the lake's history.
 *
 * A notice grows by one byte a delivery: its size is the count of attempts, and it survives the worker's death.
 * A power cut may lose a notice that the file system had not yet written; `darkroom reconcile` finds such an image.
 */

import { closeSync, watch } from "node:fs";
import { access, appendFile, mkdir, opendir, stat, unlink, utimes } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Clock, systemClock } from "../core/clock.ts";
import { hasCode } from "../core/errors.ts";
import { openDescriptor } from "../core/files.ts";
import type { Arrival, Arrivals, ReceiveOptions } from "./arrivals.ts";

export interface FolderArrivalsOptions {
  /** The directory of the folder lake. */
  readonly root: string;
  /** Where the notices lie. @default `.arrivals` in the root */
  readonly directory?: string;
  /** Told of what went wrong with one notice (a full disk, for example); it is tried again. */
  readonly onError?: (error: unknown) => void;
  readonly clock?: Clock;
  /** How often the directory is read when no watch event told of a change. @default 1000 */
  readonly pollMs?: number;
}

/** A notice whose object has not appeared after so long belongs to a creator that died. */
const appearsWithinMs = 10_000;
/** Wait before a notice that could not be delivered is tried again. */
const afterErrorMs = 1000;
/** Notices read in one pass over the directory; bounds the memory of a long queue. */
const batchSize = 256;

/** Arrivals of the folder lake at `root`; a second process that receives does the same work again (never wrongly). */
export function folderArrivals(options: FolderArrivalsOptions): Arrivals {
  const { clock = systemClock, pollMs = 1000 } = options;
  const root = resolve(options.root);
  const directory = resolve(options.directory ?? join(root, ".arrivals"));
  const delivered = new Set<string>();
  // By the clock that only grows: the time of day may jump, and a notice must neither wait for a day nor look a day old.
  const notBeforeMs = new Map<string, number>();
  const absent = new Map<string, Absence>();

  async function deliver(notice: string): Promise<Arrival | undefined> {
    const path = join(directory, notice);
    const key = keyOf(notice);
    if (!(await isThere(join(root, key)))) {
      await dropWhenOld(notice, join(root, key));
      return undefined;
    }
    absent.delete(notice);
    const attempt = await countAttempt(path);
    delivered.add(notice);
    notBeforeMs.delete(notice);
    return {
      key,
      attempt,
      async acknowledge() {
        await unlink(path).catch(ignoreMissing);
        delivered.delete(notice);
        notBeforeMs.delete(notice);
      },
      async giveBack(delayMs) {
        notBeforeMs.set(notice, clock.elapsedMs() + delayMs);
        delivered.delete(notice);
      },
    };
  }

  /** The object is still to appear; a notice that nothing followed for long is removed. */
  async function dropWhenOld(notice: string, objectPath: string): Promise<void> {
    const path = join(directory, notice);
    const left = await stat(path).catch(ignoreMissing);
    const seen = absent.get(notice);
    // A creator that tries again makes its notice young again.
    if (left !== undefined && seen?.mtimeMs !== left.mtimeMs) {
      absent.set(notice, { mtimeMs: left.mtimeMs, sinceMs: clock.elapsedMs() });
      return;
    }
    if (seen !== undefined && clock.elapsedMs() - seen.sinceMs < appearsWithinMs) return;
    absent.delete(notice);
    await unlink(path).catch(ignoreMissing);
    // It may have appeared just now.
    if (await isThere(objectPath)) await leave(path);
  }

  async function tryToDeliver(notice: string): Promise<Arrival | undefined> {
    try {
      return await deliver(notice);
    } catch (error) {
      options.onError?.(error);
      notBeforeMs.set(notice, clock.elapsedMs() + afterErrorMs);
      return undefined;
    }
  }

  function isDue(notice: string): boolean {
    return !delivered.has(notice) && (notBeforeMs.get(notice) ?? 0) <= clock.elapsedMs();
  }

  return {
    async *receive({ signal, untilIdle = false }: ReceiveOptions) {
      await mkdir(directory, { recursive: true });
      const bell = changeBell(directory);
      try {
        while (!signal.aborted) {
          const ring = bell.next();
          let yielded = false;
          for (const notice of await firstNotices(directory, batchSize, isDue)) {
            if (signal.aborted) return;
            const arrival = isDue(notice) ? await tryToDeliver(notice) : undefined;
            if (arrival === undefined) continue;
            yielded = true;
            yield arrival;
          }
          if (yielded) continue;
          if (untilIdle && (await countNotices(directory)) === 0) return;
          const due = [...notBeforeMs.values()].map((time) => time - clock.elapsedMs());
          const awake = new AbortController();
          const longest = clock.sleep(
            Math.max(0, Math.min(pollMs, ...due)),
            AbortSignal.any([signal, awake.signal]),
          );
          await Promise.race([ring, longest]);
          awake.abort();
          // One pass serves a burst of changes.
          await clock.sleep(5, signal);
        }
      } finally {
        bell.close();
      }
    },

    async announce(key) {
      const path = join(directory, noticeOf(key));
      try {
        await leave(path);
      } catch (error) {
        if (!hasCode(error, "ENOENT")) throw error;
        await mkdir(directory, { recursive: true });
        await leave(path);
      }
    },

    waiting: () => countNotices(directory),
    close: async () => undefined,
  };
}

/** Makes the notice, or makes it young again: a retry's object has yet to appear. */
async function leave(path: string): Promise<void> {
  try {
    closeSync(await openDescriptor(path, "wx"));
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    const now = new Date();
    await utimes(path, now, now);
  }
}

/** `+` is in no key, so it stands for the `/` that a file name cannot hold. */
function noticeOf(key: string): string {
  return key.replaceAll("/", "+");
}

function keyOf(notice: string): string {
  return notice.replaceAll("+", "/");
}

/** Since when a notice has been seen without its object. */
interface Absence {
  /** Of the notice, to tell when it was made young again. */
  readonly mtimeMs: number;
  readonly sinceMs: number;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
    return false;
  }
}

async function countAttempt(path: string): Promise<number> {
  await appendFile(path, ".");
  return (await stat(path)).size;
}

async function firstNotices(
  directory: string,
  most: number,
  isWanted: (notice: string) => boolean,
): Promise<readonly string[]> {
  const notices: string[] = [];
  for await (const entry of await opendir(directory, { bufferSize: 1024 })) {
    if (isWanted(entry.name)) notices.push(entry.name);
    if (notices.length === most) break;
  }
  return notices;
}

async function countNotices(directory: string): Promise<number> {
  let count = 0;
  try {
    for await (const _ of await opendir(directory, { bufferSize: 1024 })) count += 1;
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
  return count;
}

/** Rings when the directory changes; where the system cannot watch, it never rings and the poll does the work. */
function changeBell(directory: string): { next(): Promise<void>; close(): void } {
  let ring = () => {};
  let watcher: ReturnType<typeof watch> | undefined;
  try {
    watcher = watch(directory, () => ring());
    watcher.on("error", () => watcher?.close());
  } catch {
    watcher = undefined;
  }
  return {
    next: () =>
      new Promise((resolveNext) => {
        ring = resolveNext;
      }),
    close: () => watcher?.close(),
  };
}

function ignoreMissing(error: unknown): undefined {
  if (!hasCode(error, "ENOENT")) throw error;
  return undefined;
}
