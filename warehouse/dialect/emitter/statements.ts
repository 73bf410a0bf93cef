/** Statements: what each becomes, what must be checked before it, and which table it makes. */
import type { Target } from "../../warehouse.ts";
import { isLiteral, type Write } from "../assignments.ts";
import { Invalid, Refusal } from "../refusal.ts";
import type {
  AddColumns,
  ColumnDefinition,
  CreateTable,
  CreateView,
  Delete,
  Drop,
  Insert,
  Statement,
  Update,
} from "../statement-tree.ts";
import type { Expression } from "../tree.ts";
import { emitAssignments } from "./assignments.ts";
import { castTo } from "./casts.ts";
import { quoted, text } from "./emission.ts";
import { emit } from "./expression.ts";
import { emitFrom } from "./from.ts";
import { emitMerge, emitUpdateGuard } from "./merge.ts";
import { emitQuery, outputNames } from "./query.ts";
import { inside, type Scope } from "./scope.ts";
import { tableSql, targetOf } from "./tables.ts";
import { engineTypeOf } from "./types.ts";

export interface Emitted {
  readonly kind: "query" | "table" | "view" | "dml" | "other";
  /** Statements of DuckDB, in order. */
  readonly sql: readonly string[];
  /** Queries that fail when BigQuery would refuse what follows. */
  readonly guards: readonly string[];
  /** What goes into which columns of the target, for the check of types. */
  readonly writes?: readonly Write[];
  /** What the statement makes or writes. */
  readonly target?: Target;
  /** Whether the target replaces a table or view of either kind. */
  readonly replaces?: boolean;
}

export function emitStatement(node: Statement, scope: Scope): Emitted {
  switch (node.kind) {
    case "query":
      return { kind: "query", sql: [emitQuery(node.query, scope)], guards: [] };
    case "create-table":
      return emitCreateTable(node, scope);
    case "create-view":
      return emitCreateView(node, scope);
    case "create-schema":
      return other([
        `CREATE SCHEMA ${node.ifNotExists ? "IF NOT EXISTS " : ""}${schemaName(node.names, scope)}`,
      ]);
    case "drop":
      return emitDrop(node, scope);
    case "insert":
      return emitInsert(node, scope);
    case "update":
      return emitUpdate(node, scope);
    case "delete":
      return emitDelete(node, scope);
    case "merge":
      return emitMerge(node, scope);
    case "truncate":
      return {
        ...written(targetOf(node.table, scope)),
        sql: [`DELETE FROM ${tableSql(targetOf(node.table, scope))}`],
      };
    case "add-columns":
      return emitAddColumns(node, scope);
    case "drop-columns": {
      const table = tableSql(targetOf(node.table, scope));
      const dropped = node.columns.map(
        ({ name, ifExists }) => `${ifExists ? "IF EXISTS " : ""}${quoted(name)}`,
      );
      return other(dropped.map((column) => `ALTER TABLE ${table} DROP COLUMN ${column}`));
    }
  }
}

function other(sql: readonly string[]): Emitted {
  return { kind: "other", sql, guards: [] };
}

function written(target: Target): Emitted {
  return { kind: "dml", sql: [], guards: [], target };
}

function schemaName(names: readonly string[], scope: Scope): string {
  const [dataset = "", project = scope.project] = names.toReversed();
  return `${quoted(project)}.${quoted(dataset)}`;
}

const MODES = { CREATE: "CREATE", "OR REPLACE": "CREATE OR REPLACE", "IF NOT EXISTS": "CREATE" } as const;

function emitCreateTable(node: CreateTable, scope: Scope): Emitted {
  const target = targetOf(node.table, scope);
  const exists = node.mode === "IF NOT EXISTS" ? "IF NOT EXISTS " : "";
  const head = `${MODES[node.mode]} TABLE ${exists}${tableSql(target)}`;
  const guards = node.copyOf === undefined ? [] : [emitCopyGuard(targetOf(node.copyOf, scope))];
  const made = { kind: "table", guards, target, replaces: node.mode === "OR REPLACE" } as const;
  checkPartition(node);
  const query = node.query === undefined ? undefined : emitQuery(node.query, scope);
  if (node.columns !== undefined) {
    const create = `${head} (${node.columns.map((column) => emitColumn(column, scope)).join(", ")})`;
    if (query !== undefined && exists !== "")
      throw new Refusal("CREATE TABLE IF NOT EXISTS with columns and AS", node.at);
    return {
      ...made,
      sql: query === undefined ? [create] : [create, `INSERT INTO ${tableSql(target)} ${query}`],
    };
  }
  if (node.query !== undefined) checkNames(outputNames(node.query), node);
  return { ...made, sql: [`${head} AS ${query}`] };
}

/** A copy here loses what is required and what is filled in, so a table that has either is not copied. */
function emitCopyGuard({ project, dataset, name }: Target): string {
  return `SELECT CASE WHEN count(*) > 0 THEN error('A copy would lose NOT NULL and DEFAULT') END
    FROM duckdb_columns() WHERE database_name = ${text(project)} AND schema_name = ${text(dataset)}
    AND table_name = ${text(name)} AND (NOT is_nullable OR coalesce(column_default, 'NULL') <> 'NULL')`;
}

/** A partition is a column, or a truncation or range of one. */
function checkPartition({ partitionBy }: CreateTable): void {
  if (partitionBy === undefined || partitionBy.kind === "path") return;
  const proven = ["DATE", "DATE_TRUNC", "TIMESTAMP_TRUNC", "DATETIME_TRUNC", "RANGE_BUCKET"];
  if (partitionBy.kind === "call" && proven.includes(partitionBy.name)) return;
  throw new Invalid("PARTITION BY such an expression", partitionBy.at);
}

function checkNames(
  names: readonly (string | undefined)[] | undefined,
  node: CreateTable | CreateView,
): void {
  const place = names?.indexOf(undefined) ?? -1;
  if (place >= 0) throw new Invalid(`Column ${place + 1} has no name`, node.at, "Give it an alias.");
  const lower = names?.map((name) => name?.toLowerCase()) ?? [];
  if (new Set(lower).size < lower.length)
    throw new Invalid("Two columns of one name", node.at, "Give one an alias.");
}

function emitColumn(column: ColumnDefinition, scope: Scope): string {
  const initial =
    column.initial === undefined ? "" : ` DEFAULT ${castTo(column.type, column.initial, false, scope).sql}`;
  return `${quoted(column.name)} ${engineTypeOf(column.type)}${initial}${column.required ? " NOT NULL" : ""}`;
}

function emitCreateView(node: CreateView, scope: Scope): Emitted {
  const target = targetOf(node.table, scope);
  if (node.columns === undefined) checkNames(outputNames(node.query), node);
  const columns = node.columns === undefined ? "" : ` (${node.columns.map(quoted).join(", ")})`;
  const exists = node.mode === "IF NOT EXISTS" ? "IF NOT EXISTS " : "";
  const sql = `${MODES[node.mode]} VIEW ${exists}${tableSql(target)}${columns} AS ${emitQuery(node.query, scope)}`;
  return { kind: "view", sql: [sql], guards: [], target, replaces: node.mode === "OR REPLACE" };
}

function emitDrop(node: Drop, scope: Scope): Emitted {
  const exists = node.ifExists ? "IF EXISTS " : "";
  if (node.what === "SCHEMA") {
    return other([
      `DROP SCHEMA ${exists}${schemaName(node.table.names, scope)}${node.cascade ? " CASCADE" : ""}`,
    ]);
  }
  return other([`DROP ${node.what} ${exists}${tableSql(targetOf(node.table, scope))}`]);
}

function emitInsert(node: Insert, scope: Scope): Emitted {
  const target = targetOf(node.table, scope);
  const { columns } = node;
  const head = `INSERT INTO ${tableSql(target)}${columns === undefined ? "" : ` (${columns.map(quoted).join(", ")})`}`;
  if (node.query !== undefined) {
    const query = emitQuery(node.query, scope);
    return { ...written(target), writes: [{ columns, literal: [], query }], sql: [`${head} ${query}`] };
  }
  const rows = node.rows ?? [];
  const query = `VALUES ${rows.map((row) => emitRow(row, node, scope)).join(", ")}`;
  const literal = (rows[0] ?? []).map((_, place) =>
    rows.every((row) => row[place]?.kind === "null" || (row[place] !== undefined && isLiteral(row[place]))),
  );
  return { ...written(target), writes: [{ columns, literal, query }], sql: [`${head} ${query}`] };
}

function emitRow(row: readonly Expression[], { columns, at }: Insert, scope: Scope): string {
  if (columns !== undefined && row.length !== columns.length) {
    throw new Invalid(`${row.length} values for ${columns.length} columns`, at);
  }
  return `(${row.map((value) => emitValue(value, scope)).join(", ")})`;
}

/** A bare number becomes exactly the column's type, without a detour over FLOAT64; an empty array fits any column. */
function emitValue(value: Expression, scope: Scope): string {
  if (value.kind === "float") return value.text;
  const isEmpty = value.kind === "array" && value.element === undefined && value.items.length === 0;
  return isEmpty ? "[]" : emit(value, scope).sql;
}

function emitUpdate(node: Update, scope: Scope): Emitted {
  const target = targetOf(node.table, scope);
  const name = node.alias ?? target.name;
  const from = node.from === undefined ? undefined : emitFrom(node.from, scope);
  const table = `${tableSql(target)} AS ${quoted(name)}`;
  const all = from === undefined ? table : `${table} CROSS JOIN ${from.sql}`;
  const inner = inside(scope, [{ name, starKnown: true }, ...(from?.sources ?? [])], all);
  const { sets, write } = emitAssignments(node.assignments, name, all, inner);
  const where = emit(node.where, inner).sql;
  const guards = from === undefined ? [] : [emitUpdateGuard(table, name, from.sql, where)];
  const source = from === undefined ? "" : ` FROM ${from.sql}`;
  const sql = [`UPDATE ${table} SET ${sets}${source} WHERE ${where}`];
  return { ...written(target), guards, writes: [write], sql };
}

function emitDelete(node: Delete, scope: Scope): Emitted {
  const target = targetOf(node.table, scope);
  const name = node.alias ?? target.name;
  const table = `${tableSql(target)} AS ${quoted(name)}`;
  const where = emit(node.where, inside(scope, [{ name, starKnown: true }], table)).sql;
  return { ...written(target), sql: [`DELETE FROM ${table} WHERE ${where}`] };
}

function emitAddColumns(node: AddColumns, scope: Scope): Emitted {
  const target = targetOf(node.table, scope);
  return other(
    node.columns.map(({ definition, ifNotExists }) => {
      if (definition.required || definition.initial !== undefined) {
        throw new Refusal("ADD COLUMN with NOT NULL or DEFAULT", definition.at);
      }
      const exists = ifNotExists ? "IF NOT EXISTS " : "";
      return `ALTER TABLE ${tableSql(target)} ADD COLUMN ${exists}${quoted(definition.name)} ${engineTypeOf(definition.type)}`;
    }),
  );
}
