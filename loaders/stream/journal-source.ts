/** One partition of a journal as a consumption reads it: from the group's commit on, waiting at the end for what comes. */

import { type FSWatcher, watch } from "node:fs";
import { readCommit, startingPlace, writeCommit } from "./journal-commits.ts";
import { LogCursor, type Place } from "./journal-cursor.ts";
import { orUnavailable } from "./journal-files.ts";
import type { PartitionSource, Readable } from "./partition-source.ts";
import type { StreamMessage } from "./stream.ts";

export interface JournalSourceOptions {
  readonly topic: string;
  readonly partition: number;
  readonly logFolder: string;
  readonly groupFolder: string;
  /** How often the end is looked at when no notification comes. */
  readonly pollMs: number;
}

export interface JournalItem extends Readable {
  readonly place: Place;
}

export interface JournalSource extends PartitionSource<JournalItem> {
  close(): Promise<void>;
}

/** @throws Misconfigured when the log does not reach the commit */
export async function journalSource(options: JournalSourceOptions): Promise<JournalSource> {
  const { logFolder, groupFolder, partition } = options;
  const start = await startingPlace(logFolder, await readCommit(groupFolder, partition));
  const cursor = new LogCursor(logFolder, start);
  const changes = folderChanges(logFolder, options.pollMs);
  /** Set when the record at the cursor was found not to be whole: looking again before a change would only spin. */
  let unready = false;

  async function peek(signal: AbortSignal): Promise<JournalItem | undefined> {
    while (!signal.aborted) {
      const seen = changes.count();
      const header = unready ? undefined : await cursor.peek();
      unready = false;
      if (header !== undefined)
        return { offset: header.offset, bytes: header.bodyBytes, place: cursor.place };
      await changes.after(seen, signal);
    }
    return undefined;
  }

  async function read(item: JournalItem): Promise<StreamMessage | undefined> {
    if (item.offset !== cursor.place.offset) return readAt(item.place);
    const message = await messageFrom(cursor);
    unready = message === undefined;
    return message;
  }

  /** Reads again what the cursor has already passed, for a message that was rejected. */
  async function readAt(place: Place): Promise<StreamMessage | undefined> {
    const again = new LogCursor(logFolder, place);
    try {
      return await messageFrom(again);
    } finally {
      await again.close();
    }
  }

  async function messageFrom(from: LogCursor): Promise<StreamMessage | undefined> {
    const record = await from.take();
    if (record === undefined) return undefined;
    const { timestampMs, ...message } = record;
    return { topic: options.topic, partition, timestamp: new Date(timestampMs), ...message };
  }

  return {
    start: start.offset,
    peek: (signal) => orUnavailable(logFolder, () => peek(signal)),
    read: (item) => orUnavailable(logFolder, () => read(item)),
    async commit(offset, { place }) {
      // A power failure may take records that were read but not yet on the disk. Were the commit to survive them, new
      // records with their offsets would be passed over.
      await orUnavailable(groupFolder, async () => {
        await cursor.sync();
        await writeCommit(groupFolder, partition, { ...place, offset });
      });
    },
    async close() {
      changes.close();
      await cursor.close();
    },
  };
}

/** Notices that something in a folder may have changed. Notifications may be lost or be refused, so it polls as well. */
function folderChanges(folder: string, pollMs: number) {
  let count = 0;
  let wake = (): void => undefined;
  const watcher = watchOrNot(folder, () => {
    count += 1;
    wake();
  });

  function after(seen: number, signal: AbortSignal): Promise<void> {
    if (count !== seen || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, pollMs);
      signal.addEventListener("abort", finish, { once: true });
      wake = finish;
    });
  }

  return { count: () => count, after, close: () => watcher?.close() };
}

function watchOrNot(folder: string, listener: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, listener);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
