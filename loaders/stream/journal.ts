/** A stream in a directory: an append-only, partitioned log with nothing to install. What `npm start` uses. */

import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasCode, Misconfigured, Refused, Unavailable } from "../../core/errors.ts";
import { syncFolder } from "../../core/files.ts";
import { type DeliveryOptions, deliver } from "./delivery.ts";
import { endOfLog, readCommit } from "./journal-commits.ts";
import type { Place } from "./journal-cursor.ts";
import { logBases, orUnavailable, replaceFile, sweepTemporaries, topicFolders } from "./journal-files.ts";
import { bodyBytesOf } from "./journal-record.ts";
import { type JournalSource, journalSource } from "./journal-source.ts";
import { type JournalWriter, journalWriter } from "./journal-writer.ts";
import { type MessageBytes, messageBytes, partitioner } from "./new-message.ts";
import type { ConsumeOptions, NewStreamMessage, Stream, StreamMessage } from "./stream.ts";

export interface JournalStreamOptions extends DeliveryOptions {
  /** Directory that holds the topics; created when missing. On a local disk: it is locked by process id. */
  readonly root: string;
  /** Letters, digits, `.`, `_` and `-`. */
  readonly topic: string;
  /** Whose commits are kept, named as a topic. One process at a time should consume for a group: a second one gets all again. */
  readonly group: string;
  /** Fixed when the topic is first opened. @default 4 */
  readonly partitions?: number;
  /** A log file that has so many bytes is followed by a new one. @default 64 MiB */
  readonly fileBytes?: number;
  /** A larger message is refused. @default 128 MiB */
  readonly maxMessageBytes?: number;
  /** How often the end of the log is looked at when the file system tells nothing. @default 250 */
  readonly pollMs?: number;
  /** How long `produce` waits for another process that writes. @default 10000 */
  readonly lockTimeoutMs?: number;
  /** Milliseconds since 1970, for the timestamps. */
  readonly now?: () => number;
}

type Handle = (message: StreamMessage) => Promise<void>;

/** A stream in a directory. @throws Misconfigured for a name or number that cannot be used */
export function journalStream(options: JournalStreamOptions): Stream {
  const settings = checked(options);
  const { topic, partitions } = settings;
  const folders = topicFolders(settings.root, topic);
  const groupFolder = join(folders.groups, settings.group);
  const indexes = Array.from({ length: partitions }, (_, partition) => partition);
  const writers = indexes.map((partition) => writerOf(settings, partition));
  const partitionOf = partitioner(partitions);
  const ends = new Map<number, Place>();
  const closing = new AbortController();
  const consuming = new Set<Promise<void>>();
  let prepared: Promise<void> | undefined;

  async function ready(): Promise<void> {
    if (closing.signal.aborted) throw new Unavailable(`The stream of topic ${topic} is closed`);
    prepared ??= orUnavailable(settings.root, () => prepare(settings)).catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    await prepared;
  }

  async function produce(messages: readonly NewStreamMessage[]): Promise<void> {
    const bytes = messages.map(messageBytes);
    for (const message of bytes) refuseTooLarge(message, settings.maxMessageBytes);
    await ready();
    const parts = writers.map((writer) => ({ writer, messages: [] as MessageBytes[] }));
    for (const message of bytes) parts[partitionOf(message)]?.messages.push(message);
    const filled = parts.filter(({ messages }) => messages.length > 0);
    await Promise.all(filled.map(({ writer, messages }) => writer.append(messages)));
  }

  async function consume(handle: Handle, limits: ConsumeOptions): Promise<void> {
    await ready();
    await sweepTemporaries(groupFolder);
    const { pollMs } = settings;
    const sources: JournalSource[] = [];
    try {
      for (const partition of indexes) {
        const source = { topic, partition, logFolder: folders.log(partition), groupFolder, pollMs };
        sources.push(await orUnavailable(settings.root, () => journalSource(source)));
      }
      await deliver(sources, handle, limits, options, closing.signal);
    } finally {
      for (const source of sources) await source.close();
    }
  }

  async function lagOf(partition: number): Promise<bigint> {
    const folder = folders.log(partition);
    // The commit first: read after the end, it could be ahead of it.
    const commit = await readCommit(groupFolder, partition);
    const end = await endOfLog(folder, ends.get(partition));
    ends.set(partition, end);
    return end.offset - (commit?.offset ?? (await logBases(folder))[0] ?? 0n);
  }

  return {
    produce,
    consume(handle, limits) {
      const running = consume(handle, limits);
      const ended = running.catch(() => undefined).then(() => void consuming.delete(ended));
      consuming.add(ended);
      return running;
    },
    async lag() {
      await ready();
      const lags = await orUnavailable(settings.root, () => Promise.all(indexes.map(lagOf)));
      return lags.reduce((sum, lag) => sum + lag, 0n);
    },
    async close() {
      closing.abort();
      await Promise.all(consuming);
      await Promise.all(writers.map((writer) => writer.close()));
    },
  };
}

type Settings = ReturnType<typeof checked>;

function checked(options: JournalStreamOptions) {
  const settings = {
    partitions: 4,
    fileBytes: 64 * 1024 * 1024,
    maxMessageBytes: 128 * 1024 * 1024,
    pollMs: 250,
    lockTimeoutMs: 10_000,
    now: Date.now,
    ...options,
  };
  const problems: string[] = [];
  for (const name of ["topic", "group"] as const) {
    if (!/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}$/.test(settings[name])) {
      problems.push(
        `${name} is ${JSON.stringify(settings[name])}; expected are 1 to 200 letters, digits, ".", "_", "-"`,
      );
    }
  }
  if (!Number.isInteger(settings.partitions) || settings.partitions < 1 || settings.partitions > 1024) {
    problems.push(`partitions is ${settings.partitions}; expected is a whole number from 1 to 1024`);
  }
  if (problems.length > 0) throw new Misconfigured(problems);
  return settings;
}

/** Makes the folders, and fixes the number of partitions: with another number a key would move and lose its order. */
async function prepare({ root, topic, partitions }: Settings): Promise<void> {
  const folders = topicFolders(root, topic);
  await mkdir(dirname(folders.settings), { recursive: true });
  const text = `${JSON.stringify({ partitions })}\n`;
  const found = await readSettings(folders.settings);
  if (found !== undefined && found !== text) {
    throw new Misconfigured([
      `partitions is ${partitions}, but ${folders.settings} says ${found.trim()}: a topic keeps the number it was made with`,
    ]);
  }
  for (let partition = 0; partition < partitions; partition += 1) {
    await mkdir(folders.log(partition), { recursive: true });
    await mkdir(folders.writers(partition), { recursive: true });
  }
  if (found !== undefined) return;
  await replaceFile(folders.settings, text);
  await syncFolder(root);
}

async function readSettings(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function writerOf(
  { root, topic, fileBytes, lockTimeoutMs, now }: Settings,
  partition: number,
): JournalWriter {
  const folders = topicFolders(root, topic);
  const logFolder = folders.log(partition);
  return journalWriter({ logFolder, lockFolder: folders.writers(partition), fileBytes, lockTimeoutMs, now });
}

function refuseTooLarge(message: MessageBytes, maxBytes: number): void {
  const bytes = bodyBytesOf(message);
  if (bytes <= maxBytes) return;
  throw new Refused(
    "too_large",
    `A message of ${bytes} bytes is too large for the journal`,
    `at most ${maxBytes} bytes`,
  );
}
