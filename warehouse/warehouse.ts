/** The port of the warehouse: raw tables that segments are loaded into, and SQL in BigQuery's dialect over them. */

/** A column as BigQuery's schemas write it; `includes/tables.js` is made of these. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** @default "NULLABLE" */
  readonly mode?: "NULLABLE" | "REQUIRED" | "REPEATED";
  readonly description: string;
  /** The fields of a RECORD, in order. */
  readonly fields?: readonly Column[];
}

export type ColumnType =
  | "STRING"
  | "INT64"
  | "FLOAT64"
  | "NUMERIC"
  | "BOOL"
  | "TIMESTAMP"
  | "DATE"
  | "JSON"
  | "RECORD";

/** A raw table: what `includes/tables.js` says of it. */
export interface TableSpec {
  readonly name: string;
  /** Says the grain. */
  readonly description: string;
  readonly columns: readonly Column[];
  /** The TIMESTAMP column whose UTC day partitions the table. */
  readonly partitionBy: string;
  readonly clusterBy: readonly string[];
}

/** Where a table or view stands; `project` is the catalog on DuckDB. */
export interface Target {
  readonly project: string;
  readonly dataset: string;
  readonly name: string;
}

/** An immutable newline-delimited JSON file that can be loaded. */
export interface LoadableSegment {
  /** Stands in `_segment` of each of its rows; unique for all time. */
  readonly name: string;
  /** Where the warehouse reads it: `file://…` or `gs://…`. */
  readonly url: string;
  /** No row of it has an earlier event date (UTC): older partitions need not be read. @default not known */
  readonly earliestDate?: string;
}

/** A field of a result, with the type names of BigQuery's API (STRING, INTEGER, FLOAT, BOOLEAN, RECORD …). */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly mode: "NULLABLE" | "REQUIRED" | "REPEATED";
  readonly fields?: readonly Field[];
}

/**
 * A value of a result: INTEGER as a number, as a string beyond 2^53; NUMERIC as a decimal string; TIMESTAMP as
 * `2026-01-31T10:00:00.000000+00:00`; DATE as `2026-01-31`; BYTES as base64; JSON as JSON text; RECORD as an object.
 */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value };

export interface QueryResult {
  readonly schema: readonly Field[];
  readonly rows: readonly { readonly [name: string]: Value }[];
  /** What the service asks money for, in bytes; 0 where nothing is billed. */
  readonly bytesBilled: number;
}

/** A table or view that exists. */
export interface Relation {
  readonly target: Target;
  readonly kind: "table" | "view";
  readonly columns: readonly string[];
}

/** What a statement or a load did. */
export interface Effect {
  /** Rows that were written. */
  readonly rows: number;
  /** What the service asks money for, in bytes; 0 where nothing is billed. */
  readonly bytesBilled: number;
}

/** Why a statement runs: goes into the labels of its job, so that cost can be told apart. */
export interface Purpose {
  readonly kind: "model" | "assertion" | "query";
  readonly name: string;
}

/** Which part of a raw table is looked at. */
export interface SegmentWindow {
  /** Only segments whose names sort at or after this one. */
  readonly since: string;
  /** No row of those segments has an earlier event date (`2026-01-31`, UTC): older partitions need not be read. */
  readonly earliestDate: string;
}

export interface LoadedSegments {
  readonly names: ReadonlySet<string>;
  /** What the look cost; 0 where nothing is billed. */
  readonly bytesBilled: number;
}

/** Loads of one table in the last 24 hours, and how many the service allows; Infinity where it does not count. */
export interface LoadQuota {
  readonly used: number;
  readonly limit: number;
}

export interface Warehouse {
  /** The project that names without one belong to. */
  readonly project: string;
  /** Creates the raw tables that are missing; adds columns that are new; throws `Misconfigured` at any other difference. */
  ensureTables(dataset: string, tables: readonly TableSpec[]): Promise<void>;
  /** The `_segment` values that the table holds: what is loaded, read from the table itself. */
  loadedSegments(dataset: string, table: TableSpec, window?: SegmentWindow): Promise<LoadedSegments>;
  /**
   * Loads the segments, whose rows carry their `_segment`, in one transaction, each row with its `_loaded_at`.
   * All or nothing; a segment already loaded is left out, so a retry is safe. Throws `Refused` when a row does not fit the table.
   */
  load(dataset: string, table: TableSpec, segments: readonly LoadableSegment[]): Promise<Effect>;
  /**
   * The date (UTC) through which every segment of the table is known to be loaded, as `noteLoadedThrough` left it: a mark
   * that lies with the table and goes when the table goes.
   */
  loadedThrough(dataset: string, table: string): Promise<string | undefined>;
  noteLoadedThrough(dataset: string, table: string, date: string): Promise<void>;
  loadQuota(dataset: string, table: string): Promise<LoadQuota>;
  /** Every table and view, with their columns in order. */
  relations(): Promise<readonly Relation[]>;
  /**
   * Runs a script in BigQuery's dialect and returns the rows its last statement wrote, or the row count of the table that it
   * made. On DuckDB it is one unit (all or nothing). Throws `Refused` for what is not proven or fails.
   */
  execute(script: string, purpose?: Purpose): Promise<Effect>;
  /** Answers one query in BigQuery's dialect. Throws `Refused` for what is not proven or fails. */
  query(sql: string): Promise<QueryResult>;
  close(): Promise<void>;
}
