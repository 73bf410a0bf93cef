/** Segments: immutable files of rows in the event lake, so that loads are few and large. */

import { type Clock, systemClock } from "../core/clock.ts";
import { randomToken } from "../core/ids.ts";
import { retry } from "../core/retry.ts";
import { type Row, shapeOf, type TableName, tables } from "../core/rows.ts";
import type { Lake } from "./lake.ts";
import { segmentKey, segmentName } from "./layout.ts";

export interface SegmentLimits {
  /** A segment is written when it holds so many rows. */
  readonly rows: number;
  /** … or so many bytes. */
  readonly bytes: number;
  /** … or when its first row is so old. */
  readonly ageMs: number;
}

export interface SegmentWriter {
  /** Resolves when the rows are durable in a segment; rows of concurrent calls share one (group commit). */
  append<Name extends TableName>(table: Name, rows: readonly Row<Name>[]): Promise<void>;
  /** Writes what is waiting now. */
  flush(): Promise<void>;
}

interface OpenSegment {
  readonly lines: string[];
  bytes: number;
  /** The earliest event date of its rows (UTC). */
  earliestDate: string;
  readonly written: Promise<void>;
  /** Closes the segment and writes it; calling it again does nothing. */
  readonly write: () => void;
}

/** Writes segments to `lake`; one writer a process is enough, and many writers never meet. */
export function segmentWriter(options: {
  readonly lake: Lake;
  readonly limits: SegmentLimits;
  readonly clock?: Clock;
}): SegmentWriter {
  const { lake, limits, clock = systemClock } = options;
  const writer = randomToken(6).replaceAll(/[-_]/g, "0");
  const open = new Map<TableName, OpenSegment>();
  const unfinished = new Set<Promise<void>>();
  let count = 0;

  function begin(table: TableName): OpenSegment {
    const lines: string[] = [];
    const rolledOver = new AbortController();
    const written = new Promise<void>((resolve, reject) => {
      rolledOver.signal.addEventListener("abort", () => {
        if (open.get(table) === segment) open.delete(table);
        createSegment(table, segment).then(resolve, reject);
      });
    });
    const segment: OpenSegment = {
      lines,
      bytes: 0,
      earliestDate: "9999-12-31",
      written,
      write: () => rolledOver.abort(),
    };
    clock.sleep(limits.ageMs, rolledOver.signal).then(segment.write);
    const settled = written.catch(() => undefined).finally(() => unfinished.delete(settled));
    unfinished.add(settled);
    open.set(table, segment);
    return segment;
  }

  async function createSegment(table: TableName, { lines, earliestDate }: OpenSegment): Promise<void> {
    const now = clock.now();
    count += 1;
    const time = now.toISOString().replaceAll(/[-:.]/g, "");
    const name = `${time}-${writer}-${String(count).padStart(6, "0")}`;
    await retry(() => createSegmentAs(lake, table, now, name, { lines, earliestDate }), { attempts: 3 });
  }

  return {
    append(table, rows) {
      if (rows.length === 0) return Promise.resolve();
      const segment = open.get(table) ?? begin(table);
      for (const row of rows) {
        const line = JSON.stringify(row);
        segment.lines.push(line);
        segment.bytes += Buffer.byteLength(line) + 1;
        const date = eventDate(table, row);
        if (date < segment.earliestDate) segment.earliestDate = date;
      }
      if (segment.lines.length >= limits.rows || segment.bytes >= limits.bytes) segment.write();
      return segment.written;
    },

    async flush() {
      for (const segment of [...open.values()]) segment.write();
      await Promise.all(unfinished);
    },
  };
}

/** Creates a segment under a name of the caller's; false when it was there. The name's end is added. */
export async function createSegmentAs(
  lake: Lake,
  table: TableName,
  writtenAt: Date,
  name: string,
  { lines, earliestDate }: Pick<OpenSegment, "lines" | "earliestDate">,
): Promise<boolean> {
  const from = earliestDate.replaceAll("-", "");
  const key = segmentKey(table, writtenAt, `${name}-from${from}.${shapeOf(table)}`);
  const { isCreated } = await lake.create(key, Buffer.from(segmentText(lines, segmentName(key)), "utf8"));
  return isCreated;
}

/**
 * The segment's text: every row carries the segment's name, since a load job can add no column of its own.
 * `lines` are JSON objects with at least one field.
 */
export function segmentText(lines: readonly string[], name: string): string {
  const last = `,"_segment":${JSON.stringify(name)}}\n`;
  return lines.map((line) => line.slice(0, -1) + last).join("");
}

/** The UTC date whose partition the row goes to. */
function eventDate<Name extends TableName>(table: Name, row: Row<Name>): string {
  const column = partitionColumns.get(table) ?? "";
  return String((row as Readonly<Record<string, unknown>>)[column]).slice(0, "2026-01-31".length);
}

const partitionColumns: ReadonlyMap<TableName, string> = new Map(
  tables.map(({ name, partitionBy }) => [name, partitionBy]),
);
