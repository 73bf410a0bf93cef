/** Lines of a segment as rows for the Storage Write API, which takes other values than a load job: microseconds, days, text of JSON. */

import { Refused } from "../core/errors.ts";
import type { Column, LoadableSegment } from "./warehouse.ts";

export type StreamRow = { [name: string]: StreamValue };
type StreamValue = null | boolean | number | string | StreamValue[] | StreamRow;

const dayMs = 86_400_000;

/**
 * The rows of a segment's text. Throws `Refused`, naming the line, for one that is no row of these columns or carries another
 * segment's name.
 */
export function rowsOf(
  text: string,
  columns: readonly Column[],
  { name, url }: LoadableSegment,
): readonly StreamRow[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      const row = recordOf(parsed(line), columns, "");
      if (row._segment !== name) throw misfit("_segment", row._segment, name);
      return [row];
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      const problem = `${url}:${index + 1}: ${error.problem}`;
      throw new Refused("rows_unfit", problem, "rows that fit the table");
    }
  });
}

/** Why a value does not fit; never leaves this file. */
class Misfit {
  readonly problem: string;
  constructor(problem: string) {
    this.problem = problem;
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Misfit("it is not JSON");
  }
}

function recordOf(raw: unknown, columns: readonly Column[], place: string): StreamRow {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) throw misfit(place, raw, "an object");
  const values = raw as Readonly<Record<string, unknown>>;
  const known = new Set(columns.map(({ name }) => name));
  const stranger = Object.keys(values).find((name) => !known.has(name));
  if (stranger !== undefined) throw new Misfit(`No such column: ${place}${stranger}`);
  const entries = columns.flatMap((column) => {
    const value = columnValue(values[column.name] ?? null, column, place + column.name);
    return value === null ? [] : [[column.name, value] as const];
  });
  return Object.fromEntries(entries);
}

function columnValue(raw: unknown, column: Column, place: string): StreamValue {
  if (column.mode === "REPEATED") {
    if (raw === null) return [];
    if (!Array.isArray(raw)) throw misfit(place, raw, "an array");
    return raw.map((element) => scalarOf(element, column, place));
  }
  if (raw !== null) return scalarOf(raw, column, place);
  if (column.mode === "REQUIRED") throw misfit(place, raw, "a value");
  return null;
}

function scalarOf(raw: unknown, column: Column, place: string): StreamValue {
  switch (column.type) {
    case "STRING":
      return typeof raw === "string" ? raw : fail(place, raw, "a text");
    case "INT64":
      return Number.isSafeInteger(raw) ? Number(raw) : fail(place, raw, "a whole number below 2^53");
    case "FLOAT64":
      return typeof raw === "number" ? raw : fail(place, raw, "a number");
    case "NUMERIC":
      return isDecimal(raw) ? String(raw) : fail(place, raw, "a decimal number");
    case "BOOL":
      return typeof raw === "boolean" ? raw : fail(place, raw, "true or false");
    case "TIMESTAMP":
      return microsecondsOf(raw) ?? fail(place, raw, "a time in ISO 8601 with its zone, before 2255");
    case "DATE":
      return daysOf(raw) ?? fail(place, raw, "a date as YYYY-MM-DD");
    case "JSON":
      return JSON.stringify(raw);
    case "RECORD":
      return recordOf(raw, column.fields ?? [], `${place}.`);
  }
}

function isDecimal(raw: unknown): raw is number | string {
  return /^-?\d{1,29}(\.\d{1,9})?$/.test(String(raw)) && (typeof raw === "number" || typeof raw === "string");
}

/** A moment as the API takes it. */
export function microsecondsAt(moment: Date): number {
  return moment.getTime() * 1000;
}

/** Microseconds since 1970; undefined for what is no time, or too far away for a number to be exact. */
function microsecondsOf(raw: unknown): number | undefined {
  const [, date, time, fraction = "", zone] =
    /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/.exec(String(raw)) ?? [];
  if (date === undefined || daysOf(date) === undefined) return undefined;
  const microseconds = Date.parse(`${date}${time}${zone}`) * 1000 + Number(fraction.padEnd(6, "0"));
  return Number.isSafeInteger(microseconds) ? microseconds : undefined;
}

/** Days since 1970; undefined for what is no date, such as the 30th of February, which JavaScript takes for the 2nd of March. */
function daysOf(raw: unknown): number | undefined {
  if (typeof raw !== "string" || !/^\d{4}-\d\d-\d\d$/.test(raw)) return undefined;
  const ms = Date.parse(raw);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(raw) ? ms / dayMs : undefined;
}

function fail(place: string, raw: unknown, expected: string): never {
  throw misfit(place, raw, expected);
}

function misfit(place: string, raw: unknown, expected: string): Misfit {
  const shown = JSON.stringify(raw)?.slice(0, 100);
  return new Misfit(`column ${place || "(the row)"} is ${shown}; expected ${expected}`);
}
