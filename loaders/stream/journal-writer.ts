/** Appends to one partition of a journal: concurrent callers share one write and one fsync, and a torn tail is cut off first. */

import { type FileHandle, open, stat } from "node:fs/promises";
import { hasCode, Unavailable } from "../../core/errors.ts";
import { syncFolder } from "../../core/files.ts";
import { LogCursor, type Place } from "./journal-cursor.ts";
import { logBases, logFile, orUnavailable } from "./journal-files.ts";
import { asOnlyWriter } from "./journal-lock.ts";
import { encodeRecord } from "./journal-record.ts";
import type { MessageBytes } from "./new-message.ts";

export interface JournalWriter {
  /** Resolves when the messages are durable. @throws Unavailable, Misconfigured */
  append(messages: readonly MessageBytes[]): Promise<void>;
  /** Waits for what was appended, then releases the file. */
  close(): Promise<void>;
}

export interface JournalWriterOptions {
  readonly logFolder: string;
  readonly lockFolder: string;
  readonly fileBytes: number;
  readonly lockTimeoutMs: number;
  readonly now: () => number;
}

interface Waiting {
  readonly messages: readonly MessageBytes[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Callers that wait are taken together up to so many bytes, so that none waits for a very long write. */
const groupBytes = 8 * 1024 * 1024;

export function journalWriter(options: JournalWriterOptions): JournalWriter {
  const { logFolder, lockFolder, lockTimeoutMs } = options;
  const tail = logTail(options);
  let waiting: Waiting[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const group = takeGroup(waiting);
      waiting = waiting.slice(group.length);
      const messages = group.flatMap((one) => one.messages);
      const append = () => asOnlyWriter(lockFolder, lockTimeoutMs, () => tail.append(messages));
      try {
        await orUnavailable(logFolder, append);
        for (const one of group) one.resolve();
      } catch (error) {
        for (const one of group) one.reject(error);
      }
    }
    running = undefined;
  }

  return {
    append: (messages) =>
      new Promise((resolve, reject) => {
        waiting.push({ messages, resolve, reject });
        running ??= run();
      }),
    async close() {
      await running;
      await tail.close();
    },
  };
}

function takeGroup(waiting: readonly Waiting[]): readonly Waiting[] {
  let bytes = 0;
  const end = waiting.findIndex((one) => {
    bytes += one.messages.reduce((sum, message) => sum + message.value.length, 0);
    return bytes > groupBytes;
  });
  return end < 0 ? waiting : waiting.slice(0, Math.max(end, 1));
}

/** The end of the log, kept between the appends and looked up anew when another process has written meanwhile. */
function logTail({ logFolder, fileBytes, now }: JournalWriterOptions) {
  let end: Place | undefined;
  let file: FileHandle | undefined;

  async function append(messages: readonly MessageBytes[]): Promise<void> {
    let place = await find();
    // Forgotten until all is durable: after a failure in the middle the end is looked up, and what is torn is cut off.
    end = undefined;
    let rest = messages;
    while (rest.length > 0) {
      if (place.position >= fileBytes) place = await roll(place);
      const { buffers, bytes, count } = encodeRun(rest, place, fileBytes, now());
      file ??= await open(logFile(logFolder, place.base), "r+");
      const { bytesWritten } = await file.writev(buffers, place.position);
      if (bytesWritten !== bytes)
        throw new Unavailable(`${bytesWritten} of ${bytes} bytes were written to ${logFolder}`);
      await file.datasync();
      place = { ...place, position: place.position + bytes, offset: place.offset + BigInt(count) };
      rest = rest.slice(count);
    }
    end = place;
  }

  async function find(): Promise<Place> {
    if (end !== undefined && (await isStillTheEnd(logFolder, end))) return end;
    await close();
    const base = (await logBases(logFolder)).at(-1);
    if (base === undefined) return create(0n);
    const size = (await sizeOf(logFile(logFolder, base))) ?? 0;
    const grown = end?.base === base && end.position <= size ? end : undefined;
    return repairedEnd(logFolder, grown ?? { base, position: 0, offset: base });
  }

  async function roll(full: Place): Promise<Place> {
    await close();
    return create(full.offset);
  }

  async function create(base: bigint): Promise<Place> {
    file = await open(logFile(logFolder, base), "wx+");
    await syncFolder(logFolder);
    return { base, position: 0, offset: base };
  }

  async function close(): Promise<void> {
    await file?.close();
    file = undefined;
  }

  return { append, close };
}

/** As many messages as the file still takes, at least one, as bytes. */
function encodeRun(messages: readonly MessageBytes[], place: Place, fileBytes: number, timestampMs: number) {
  const buffers: Uint8Array[] = [];
  let bytes = 0;
  let count = 0;
  for (const message of messages) {
    if (place.position + bytes >= fileBytes) break;
    const offset = place.offset + BigInt(count);
    const record = encodeRecord({ ...message, offset, timestampMs });
    buffers.push(...record);
    bytes += record[0].length + record[1].length;
    count += 1;
  }
  return { buffers, bytes, count };
}

/** True when nobody else has appended: the file has not grown, and no next file was begun. */
async function isStillTheEnd(folder: string, end: Place): Promise<boolean> {
  if ((await sizeOf(logFile(folder, end.base))) !== end.position) return false;
  return end.offset === end.base || (await sizeOf(logFile(folder, end.offset))) === undefined;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Walks from a place to the last whole record, and cuts off what a crash left behind it. */
async function repairedEnd(folder: string, from: Place): Promise<Place> {
  const cursor = new LogCursor(folder, from);
  try {
    while ((await cursor.take()) !== undefined);
  } finally {
    await cursor.close();
  }
  const { base, position } = cursor.place;
  const file = await open(logFile(folder, base), "r+");
  try {
    // Also without a torn tail: whole records of a writer that was killed before its fsync become durable here.
    await file.truncate(position);
    await file.sync();
  } finally {
    await file.close();
  }
  return cursor.place;
}
