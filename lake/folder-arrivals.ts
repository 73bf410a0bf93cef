/**
 * Arrivals of a folder lake: one file a notice in `.arrivals/`, left just before the object appears and removed when it is
 * acknowledged. What waits is the directory's content, so a start needs no scan of the lake's history.
 *
 * A notice's name holds the key and the count of attempts, which so survives the worker's death. Its content does not matter: as a
 * rule it is the object's own file under a second name, because a link costs less than a new file.
 * A power cut may lose a notice that the file system had not yet written; `darkroom reconcile` finds such an image.
 */

import { closeSync, existsSync, linkSync, watch } from "node:fs";
import { mkdir, opendir, readdir, rename, stat, unlink, utimes } from "node:fs/promises";
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

export interface FolderArrivals extends Arrivals {
  /** Tells of an object that is about to appear, whose whole file lies at a temporary place. */
  announceFile(key: string, file: string): Promise<void>;
}

/** A notice whose object has not appeared after so long belongs to a creator that died. */
const appearsWithinMs = 10_000;
/** Wait before a notice that could not be delivered is tried again. */
const afterErrorMs = 1000;
/** Notices read in one pass over the directory; bounds the memory of a long queue. */
const batchSize = 256;

/** Arrivals of the folder lake at `root`; a second process that receives does the same work again (never wrongly). */
export function folderArrivals(options: FolderArrivalsOptions): FolderArrivals {
  const { clock = systemClock, pollMs = 1000 } = options;
  const root = resolve(options.root);
  const directory = resolve(options.directory ?? join(root, ".arrivals"));
  /** By key, since an object may have been announced twice. */
  const delivered = new Set<string>();
  // By the clock that only grows: the time of day may jump, and a notice must neither wait for a day nor look a day old.
  const notBeforeMs = new Map<string, number>();
  const absent = new Map<string, Absence>();

  async function deliver(notice: string): Promise<Arrival | undefined> {
    const { key, attempts } = readName(notice);
    if (!existsSync(join(root, key))) {
      await dropWhenOld(notice, key);
      return undefined;
    }
    absent.delete(notice);
    const attempt = attempts + 1;
    const path = join(directory, nameOf(key, attempt));
    if (!(await isRenamed(join(directory, notice), path))) return undefined;
    delivered.add(key);
    notBeforeMs.delete(key);
    return {
      key,
      attempt,
      async acknowledge() {
        await unlink(path).catch(ignoreMissing);
        delivered.delete(key);
        notBeforeMs.delete(key);
      },
      async giveBack(delayMs) {
        notBeforeMs.set(key, clock.elapsedMs() + delayMs);
        delivered.delete(key);
      },
    };
  }

  /** The object is still to appear; a notice that nothing followed for long is removed. */
  async function dropWhenOld(notice: string, key: string): Promise<void> {
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
    if (existsSync(join(root, key))) await announce(key);
  }

  async function tryToDeliver(notice: string): Promise<Arrival | undefined> {
    try {
      return await deliver(notice);
    } catch (error) {
      options.onError?.(error);
      notBeforeMs.set(readName(notice).key, clock.elapsedMs() + afterErrorMs);
      return undefined;
    }
  }

  function isDue(notice: string): boolean {
    const { key } = readName(notice);
    return !delivered.has(key) && (notBeforeMs.get(key) ?? 0) <= clock.elapsedMs();
  }

  async function announce(key: string): Promise<void> {
    const path = join(directory, nameOf(key, 0));
    try {
      closeSync(await openDescriptor(path, "wx"));
    } catch (error) {
      if (hasCode(error, "ENOENT")) {
        await mkdir(directory, { recursive: true });
        return announce(key);
      }
      if (!hasCode(error, "EEXIST")) throw error;
      // A retry's object has yet to appear: the notice is made young again. Where it is there, its own file may be the notice.
      const now = new Date();
      if (!existsSync(join(root, key))) await utimes(path, now, now).catch(ignoreMissing);
    }
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

    announce,

    async announceFile(key, file) {
      try {
        linkSync(file, join(directory, nameOf(key, 0)));
      } catch {
        // There is a notice, there is no directory yet, or it lies on another file system.
        await announce(key);
      }
    },

    waiting: () => countNotices(directory),
    close: async () => undefined,
  };
}

/** `+` and `~` are in no key: one stands for the `/` that a file name cannot hold, the other stands before the attempts. */
function nameOf(key: string, attempts: number): string {
  return key.replaceAll("/", "+") + (attempts === 0 ? "" : `~${attempts}`);
}

function readName(notice: string): { readonly key: string; readonly attempts: number } {
  const [name = "", attempts = "0"] = notice.split("~");
  return { key: name.replaceAll("+", "/"), attempts: Number(attempts) };
}

/** False when the notice is gone: another process has it. */
async function isRenamed(notice: string, path: string): Promise<boolean> {
  try {
    await rename(notice, path);
    return true;
  } catch (error) {
    ignoreMissing(error);
    return false;
  }
}

/** Since when a notice has been seen without its object. */
interface Absence {
  /** Of the notice, to tell when it was made young again. */
  readonly mtimeMs: number;
  readonly sinceMs: number;
}

async function firstNotices(
  directory: string,
  most: number,
  isWanted: (notice: string) => boolean,
): Promise<readonly string[]> {
  const notices: string[] = [];
  for await (const entry of await opendir(directory, { bufferSize: 1024 })) {
    if (entry.isFile() && isWanted(entry.name)) notices.push(entry.name);
    if (notices.length === most) break;
  }
  return notices;
}

async function countNotices(directory: string): Promise<number> {
  try {
    return (await readdir(directory)).length;
  } catch (error) {
    ignoreMissing(error);
    return 0;
  }
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
