/** Segments of another shape than this loader knows: rows that fit are copied, the others become rejections, none is dropped. */

import { Unavailable } from "../../core/errors.ts";
import { sha256 } from "../../core/ids.ts";
import { parseRow, type Row, type TableName } from "../../core/rows.ts";
import { type Lake, readWhole } from "../../lake/lake.ts";
import { mendedKey, segmentName } from "../../lake/layout.ts";
import { shorten } from "../../lake/records.ts";
import { createSegmentAs, segmentText } from "../../lake/segments.ts";

/**
 * Writes a copy with the rows that fit and, for those that do not, a segment of `image_rejected`; both under names derived from
 * the segment's, so that doing it again meets itself. Returns the copy's key, or undefined when no row fits.
 */
export async function mendSegment(events: Lake, table: TableName, key: string): Promise<string | undefined> {
  const copy = mendedKey(key);
  const before = await events.stat(copy);
  if (before !== undefined) return before.sizeBytes > 0 ? copy : undefined;

  const found = await readWhole(events, key);
  if (found === undefined) throw new Unavailable(`${key} was removed while it was being read`);
  const fitting: string[] = [];
  const rejections: Row<"image_rejected">[] = [];
  for (const [index, line] of found.bytes.toString("utf8").split("\n").entries()) {
    if (line.trim() === "") continue;
    const { row, problem } = parseLine(table, line);
    if (row !== undefined) fitting.push(JSON.stringify(row));
    else rejections.push(rejectionOf(key, index + 1, line, problem, found.object.createdAt));
  }
  if (rejections.length > 0) {
    const { createdAt } = found.object;
    const name = `${segmentName(key).replace(/^dt=[^/]*\//, "")}-${table}-unfit`;
    const lines = rejections.map((row) => JSON.stringify(row));
    const earliestDate = createdAt.toISOString().slice(0, 10);
    await createSegmentAs(events, "image_rejected", createdAt, name, { lines, earliestDate });
  }
  await events.create(copy, Buffer.from(segmentText(fitting, segmentName(key))));
  return fitting.length > 0 ? copy : undefined;
}

function parseLine(table: TableName, line: string): { row?: Row<TableName>; problem: string } {
  try {
    const { _segment, ...row } = JSON.parse(line);
    const parsed = parseRow(table, row);
    return parsed.success
      ? { row: parsed.data, problem: "" }
      : {
          problem: parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "),
        };
  } catch {
    return { problem: "the line is not JSON" };
  }
}

/** The line stays in its segment, which is never changed; the rejection says where. */
function rejectionOf(
  key: string,
  line: number,
  text: string,
  problem: string,
  at: Date,
): Row<"image_rejected"> {
  return {
    event_id: `${segmentName(key)}:${line}`,
    stage: "load",
    customer_id: null,
    source: "segment",
    source_ref: `${key}:${line}`,
    rejected_at: at.toISOString(),
    reason: "unknown_shape",
    message: shorten(problem, 500),
    declared_type: null,
    file_name: null,
    size_bytes: Buffer.byteLength(text),
    content_sha256: sha256(text),
  };
}
