/** Where each group has come to in each partition of a journal. */

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { hasCode, Misconfigured } from "../../core/errors.ts";
import { LogCursor, type Place } from "./journal-cursor.ts";
import { logBases, replaceFile } from "./journal-files.ts";

export interface JournalCommit {
  /** The first offset that is not done. */
  readonly offset: bigint;
  /**
   * Where the record before it begins, or the record itself: a hint that saves a walk, and is checked against the record
   * before it is used.
   */
  readonly base: bigint;
  readonly position: number;
}

const decimal = z.string().regex(/^\d{1,20}$/);
const commitFile = z.object({ offset: decimal, base: decimal, position: z.int().nonnegative() });

export async function writeCommit(folder: string, partition: number, commit: JournalCommit): Promise<void> {
  const { offset, base, position } = commit;
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify({ offset: String(offset), base: String(base), position });
  await replaceFile(join(folder, String(partition)), `${text}\n`);
}

/** The group's commit, or undefined when it has none. @throws Misconfigured when the file is not a commit */
export async function readCommit(folder: string, partition: number): Promise<JournalCommit | undefined> {
  const path = join(folder, String(partition));
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const parsed = commitFile.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new Misconfigured([
      `${path} holds ${JSON.stringify(text.slice(0, 80))}; expected is a commit like {"offset":"8","base":"0","position":0}. ` +
        "Remove the file to read the partition from its beginning.",
    ]);
  }
  const { offset, base, position } = parsed.data;
  return { offset: BigInt(offset), base: BigInt(base), position };
}

/** Where a group goes on. Walks at most one log file, and none when the commit's hint holds. @throws Misconfigured */
export async function startingPlace(folder: string, commit: JournalCommit | undefined): Promise<Place> {
  const bases = await logBases(folder);
  if (commit === undefined) {
    const base = bases[0] ?? 0n;
    return { base, position: 0, offset: base };
  }
  const { base: hintBase, position, offset } = commit;
  for (const first of [offset - 1n, offset]) {
    const hint = { base: hintBase, position, offset: first };
    const hinted = await walk(folder, hint, offset, true).catch(() => undefined);
    if (hinted !== undefined) return hinted;
  }
  const base = bases.findLast((candidate) => candidate <= commit.offset);
  const found =
    base === undefined ? undefined : await walk(folder, { base, position: 0, offset: base }, commit.offset);
  if (found !== undefined) return found;
  throw new Misconfigured([
    `The group's commit for ${folder} is offset ${commit.offset}, which its log files do not reach ` +
      `(they begin at ${bases[0] ?? "no offset"}). Restore the log, or remove the commit to read from the beginning.`,
  ]);
}

/** Steps over records until the offset is next; undefined when the log ends before, or has no record to prove `from`. */
async function walk(folder: string, from: Place, offset: bigint, prove = false): Promise<Place | undefined> {
  const cursor = new LogCursor(folder, from);
  try {
    if (prove && (await cursor.peek()) === undefined) return undefined;
    while (cursor.place.offset < offset) {
      const header = await cursor.peek();
      if (header === undefined) return undefined;
      cursor.skip(header);
    }
    return cursor.place;
  } finally {
    await cursor.close();
  }
}

/** The end of a log, found from an earlier end; a torn tail does not count. */
export async function endOfLog(folder: string, known: Place | undefined): Promise<Place> {
  const base = (await logBases(folder)).at(-1) ?? 0n;
  const cursor = new LogCursor(folder, known?.base === base ? known : { base, position: 0, offset: base });
  try {
    for (let header = await cursor.peek(); header !== undefined; header = await cursor.peek())
      cursor.skip(header);
    return cursor.place;
  } finally {
    await cursor.close();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
