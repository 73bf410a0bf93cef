/** Raw tables: DuckDB's definition of a `TableSpec`, what changed since, and the statements that load segments. */
import { fileURLToPath } from "node:url";
import { Misconfigured } from "../../core/errors.ts";
import type { Column, LoadableSegment, SegmentWindow, TableSpec, Target } from "../warehouse.ts";
import { quoted, text } from "./emitter/emission.ts";
import { tableSql } from "./emitter/tables.ts";
import { ENGINE_TYPES } from "./macros/macro.ts";

/** What the adapter adds to every row: where it came from and when. */
const LOAD_COLUMNS: readonly Column[] = [
  { name: "_segment", type: "STRING", description: "The segment that the row was loaded from." },
  { name: "_loaded_at", type: "TIMESTAMP", description: "When the row was loaded." },
];

/** The columns of a spec, with the load columns behind them unless the spec lists them. */
export function withLoadColumns(spec: TableSpec): readonly Column[] {
  const listed = new Set(spec.columns.map(({ name }) => name));
  return [...spec.columns, ...LOAD_COLUMNS.filter(({ name }) => !listed.has(name))];
}

function engineType(column: Column): string {
  const fields = (column.fields ?? []).map((field) => `${quoted(field.name)} ${engineType(field)}`);
  const single = column.type === "RECORD" ? `STRUCT(${fields.join(", ")})` : ENGINE_TYPES[column.type];
  return column.mode === "REPEATED" ? `${single}[]` : single;
}

export function tableDefinition(target: Target, spec: TableSpec): string {
  const columns = withLoadColumns(spec).map(
    (column) =>
      `${quoted(column.name)} ${engineType(column)}${column.mode === "REQUIRED" ? " NOT NULL" : ""}`,
  );
  return `CREATE TABLE ${tableSql(target)} (${columns.join(", ")})`;
}

/** The statements that add a spec's new columns, and a line for each difference that must not be. */
export function addedColumns(
  target: Target,
  spec: TableSpec,
  existing: ReadonlyMap<string, string>,
): { readonly statements: readonly string[]; readonly differences: readonly string[] } {
  const statements: string[] = [];
  const differences: string[] = [];
  const columns = withLoadColumns(spec);
  const name = `${target.dataset}.${target.name}`;
  for (const column of columns) {
    const found = existing.get(column.name);
    const type = engineType(column);
    if (found !== undefined && plainType(found) !== plainType(type)) {
      differences.push(`table ${name}, column ${column.name}: it is ${found} and should be ${type}`);
    } else if (found === undefined && column.mode === "REQUIRED") {
      differences.push(
        `table ${name}, column ${column.name}: it is new and REQUIRED; a new column must be NULLABLE`,
      );
    } else if (found === undefined) {
      statements.push(`ALTER TABLE ${tableSql(target)} ADD COLUMN ${quoted(column.name)} ${type}`);
    }
  }
  for (const old of existing.keys()) {
    if (columns.some((column) => column.name === old)) continue;
    differences.push(
      `table ${name}, column ${old}: the table has it and its definition does not; columns stay`,
    );
  }
  return { statements, differences };
}

function plainType(type: string): string {
  return type.replaceAll('"', "").replaceAll("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ").toUpperCase();
}

/** A file's path; other places than files cannot be read on one machine. */
function pathOf(segment: LoadableSegment): string {
  if (!segment.url.startsWith("file://")) {
    throw new Misconfigured([`segment ${segment.name} at ${segment.url}: DuckDB loads file:// only`]);
  }
  return fileURLToPath(segment.url);
}

function paths(segments: readonly LoadableSegment[]): string {
  return `[${segments.map((segment) => text(pathOf(segment))).join(", ")}]`;
}

/** The segments with their names, for a join by the file that a row was read from. */
function places(segments: readonly LoadableSegment[]): string {
  const values = segments.map((segment) => `(${text(pathOf(segment))}, ${text(segment.name)})`);
  return `(VALUES ${values.join(", ")}) AS s(path, name)`;
}

/** Fails on what DuckDB would let pass: a key that is no column, a whole number that is none, a row of another segment. */
export function checkStatement(spec: TableSpec, segments: readonly LoadableSegment[]): string {
  const names = [...spec.columns.map(({ name }) => text(name)), text("_segment")].join(", ");
  const integers = spec.columns.filter(({ type, mode }) => type === "INT64" && mode !== "REPEATED");
  const whole = integers.map(({ name }) => {
    const path = text(`$."${name}"`);
    return `WHEN json_type(json, ${path}) IN ('DOUBLE', 'BOOLEAN') THEN error('${name.replaceAll("'", "''")} is no INT64: ' || (json->${path}))`;
  });
  const unknown = `list_filter(json_keys(json), lambda k: NOT list_contains([${names}], k))`;
  return `SELECT count(CASE WHEN len(${unknown}) > 0 THEN error('No such column: ' || ${unknown}[1])
      WHEN json->>'$._segment' IS DISTINCT FROM s.name THEN error('The row does not carry its segment: ' || s.name) ${whole.join(" ")} END)
    FROM read_ndjson_objects(${paths(segments)}, filename = '_file') AS r JOIN ${places(segments)} ON r._file = s.path`;
}

/** Loads the segments' rows with the time. */
export function loadStatement(target: Target, spec: TableSpec, segments: readonly LoadableSegment[]): string {
  const read = withLoadColumns(spec).filter(({ name }) => name !== "_loaded_at");
  const columns = read.map((column) => `${quoted(column.name)}: ${text(engineType(column))}`);
  const names = read.map(({ name }) => quoted(name)).join(", ");
  return `INSERT INTO ${tableSql(target)} (${names}, _loaded_at) SELECT ${names}, now()
    FROM read_json(${paths(segments)}, format = 'newline_delimited', columns = {${columns.join(", ")}})`;
}

/** The segments whose rows the table holds. */
export function segmentsQuery(target: Target, { partitionBy }: TableSpec, window?: SegmentWindow): string {
  const within =
    window === undefined
      ? ""
      : `WHERE _segment >= ${text(window.since)} AND ${quoted(partitionBy)} >= TIMESTAMPTZ ${text(`${window.earliestDate} 00:00:00+00`)}`;
  return `SELECT DISTINCT _segment FROM ${tableSql(target)} ${within}`;
}
