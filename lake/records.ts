/** Records of originals and of refusals: rows of raw tables that travel as an object's metadata, so that neither is without the other. */

import { Refused } from "../core/errors.ts";
import { parseRow, type Row, tables } from "../core/rows.ts";
import { type Lake, type LakeObject, type Metadata, readWhole } from "./lake.ts";

type RecordTable = "image_received" | "image_rejected";

/** Text that others give is cut to these lengths, so that a record stays far below the 8 KiB of metadata. */
const longest: Readonly<Record<string, number>> = {
  source_ref: 500,
  declared_type: 100,
  file_name: 255,
  message: 500,
};

/** The first characters of a text, none of them half; what is not well-formed in it is replaced. */
export function shorten(text: string, mostCharacters = Number.POSITIVE_INFINITY): string {
  // A character is at most two units, so no more of a long text needs to be looked at.
  const whole = text.slice(0, 2 * mostCharacters).toWellFormed();
  return whole.length <= mostCharacters ? whole : [...whole].slice(0, mostCharacters).join("");
}

/** The record with every text as long as it may be. */
export function shortened<Table extends RecordTable>(record: Row<Table>): Row<Table> {
  const entries = Object.entries<unknown>(record).map(([name, value]) => [
    name,
    typeof value === "string" ? shorten(value, longest[name]) : value,
  ]);
  return Object.fromEntries(entries);
}

/** A shortened record as metadata; null values are left out. */
export function toMetadata<Table extends RecordTable>(record: Row<Table>): Metadata {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries<unknown>(record))
    if (value !== null) metadata[name] = String(value);
  return metadata;
}

const integersOf = new Map(
  tables.map(({ name, columns }) => [
    name as string,
    new Set(columns.flatMap((column) => (column.type === "INT64" ? [column.name as string] : []))),
  ]),
);

/** The record of an object. Throws `Refused` (`no_record`) when the metadata is none: somebody else wrote the object. */
export function recordOf<Table extends RecordTable>(table: Table, object: LakeObject): Row<Table> {
  const values = Object.entries(object.metadata).map(([name, value]) => [
    name,
    integersOf.get(table)?.has(name) ? Number(value) : value,
  ]);
  const parsed = parseRow(table, Object.fromEntries(values));
  if (parsed.success) return parsed.data;
  throw new Refused(
    "no_record",
    `${object.key} does not carry a record`,
    `the metadata of a row of ${table}`,
  );
}

/** The outcome at a key, or undefined when there is none. Throws `Refused` (`damaged_outcome`) when somebody else wrote it. */
export async function readOutcome(lake: Lake, key: string): Promise<Row<"image_processed"> | undefined> {
  const found = await readWhole(lake, key);
  if (found === undefined) return undefined;
  const parsed = parseRow("image_processed", parseJson(found.bytes));
  if (parsed.success) return parsed.data;
  throw new Refused("damaged_outcome", `${key} is not an outcome`, "a row of image_processed as JSON");
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
