/** Segments: immutable files of rows in the event lake, so that loads are few and large. */

import { type Clock, systemClock } from "../core/clock.ts";
import { randomToken } from "../core/ids.ts";
import { retry } from "../core/retry.ts";
import { type Row, shapeOf, type TableName } from "../core/rows.ts";
import type { Lake } from "./lake.ts";
import { segmentKey } from "./layout.ts";

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
        createSegment(table, lines).then(resolve, reject);
      });
    });
    const segment: OpenSegment = { lines, bytes: 0, written, write: () => rolledOver.abort() };
    clock.sleep(limits.ageMs, rolledOver.signal).then(segment.write);
    const settled = written.catch(() => undefined).finally(() => unfinished.delete(settled));
    unfinished.add(settled);
    open.set(table, segment);
    return segment;
  }

  async function createSegment(table: TableName, lines: readonly string[]): Promise<void> {
    const now = clock.now();
    count += 1;
    const time = now.toISOString().replaceAll(/[-:.]/g, "");
    const name = `${time}-${writer}-${String(count).padStart(6, "0")}.${shapeOf(table)}`;
    const body = Buffer.from(`${lines.join("\n")}\n`, "utf8");
    await retry(() => lake.create(segmentKey(table, now, name), body), { attempts: 3 });
  }

  return {
    append(table, rows) {
      if (rows.length === 0) return Promise.resolve();
      const segment = open.get(table) ?? begin(table);
      for (const row of rows) {
        const line = JSON.stringify(row);
        segment.lines.push(line);
        segment.bytes += Buffer.byteLength(line) + 1;
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
