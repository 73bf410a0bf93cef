/** CREATE TABLE, CREATE VIEW and CREATE SCHEMA. */
import type { ColumnDefinition, CreateTable, Statement, TableName } from "../statement-tree.ts";
import type { Expression, Query } from "../tree.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseName, parseTableName } from "./names.ts";
import { parseQuery } from "./query.ts";
import { parseType } from "./types.ts";

type Mode = CreateTable["mode"];

export function parseCreate(cursor: Cursor): Statement {
  const at = cursor.at;
  cursor.expect("CREATE");
  const replace = cursor.accept("OR", "REPLACE");
  if (cursor.accept("SCHEMA")) return parseCreateSchema(cursor, at);
  const isView = cursor.is("VIEW");
  if (!cursor.accept("TABLE") && !cursor.accept("VIEW")) cursor.refuse(`CREATE ${cursor.peek().upper}`);
  if (!isView && cursor.is("FUNCTION")) cursor.refuse("CREATE TABLE FUNCTION");
  const exists = cursor.accept("IF", "NOT", "EXISTS");
  const mode: Mode = replace ? "OR REPLACE" : exists ? "IF NOT EXISTS" : "CREATE";
  return isView ? parseCreateView(cursor, mode, at) : parseCreateTable(cursor, mode, at);
}

function parseCreateSchema(cursor: Cursor, at: Statement["at"]): Statement {
  const ifNotExists = cursor.accept("IF", "NOT", "EXISTS");
  const { names } = parseTableName(cursor);
  if (cursor.is("DEFAULT", "COLLATE")) cursor.refuse("DEFAULT COLLATE");
  parseOptions(cursor);
  return { kind: "create-schema", names, ifNotExists, at };
}

function parseCreateView(cursor: Cursor, mode: Mode, at: Statement["at"]): Statement {
  const table = parseTableName(cursor);
  const columns = cursor.is("(") ? cursor.enclosed(() => parseViewColumn(cursor)) : undefined;
  parseOptions(cursor);
  cursor.expect("AS");
  return { kind: "create-view", table, mode, columns, query: parseQuery(cursor), at };
}

function parseViewColumn(cursor: Cursor): string {
  const name = parseName(cursor);
  parseOptions(cursor);
  return name;
}

function parseCreateTable(cursor: Cursor, mode: Mode, at: Statement["at"]): Statement {
  const table = parseTableName(cursor);
  if (cursor.is("LIKE")) cursor.refuse("CREATE TABLE … LIKE");
  if (cursor.accept("CLONE") || cursor.accept("COPY")) return parseCopy(cursor, table, mode, at);
  const columns = cursor.is("(") ? parseColumns(cursor) : undefined;
  if (cursor.is("DEFAULT", "COLLATE")) cursor.refuse("DEFAULT COLLATE");
  const partitionBy = cursor.accept("PARTITION", "BY") ? parsePartition(cursor) : undefined;
  if (cursor.accept("CLUSTER", "BY")) cursor.list(() => parseExpression(cursor));
  parseOptions(cursor);
  const query = cursor.accept("AS") ? parseQuery(cursor) : undefined;
  if (query === undefined && columns === undefined) cursor.unexpected("columns or AS were expected");
  return { kind: "create-table", table, mode, columns, query, partitionBy, copyOf: undefined, at };
}

/** A copy of a table; the two then change on their own. */
function parseCopy(cursor: Cursor, table: TableName, mode: Mode, at: Statement["at"]): Statement {
  const source = parseTableName(cursor);
  if (cursor.is("FOR")) cursor.refuse("FOR SYSTEM_TIME AS OF");
  parseOptions(cursor);
  const query = everythingIn(source);
  return {
    kind: "create-table",
    table,
    mode,
    columns: undefined,
    query,
    partitionBy: undefined,
    copyOf: source,
    at,
  };
}

function everythingIn({ names, at }: TableName): Query {
  const star = { kind: "star", of: undefined, except: [], replace: [], at } as const;
  const from = { kind: "table", names, alias: undefined, at } as const;
  const none = { where: undefined, groupBy: undefined, having: undefined, qualify: undefined, windows: [] };
  const body = {
    kind: "select",
    distinct: false,
    asStruct: false,
    items: [star],
    from,
    ...none,
    at,
  } as const;
  return { with: [], body, orderBy: [], limit: undefined, offset: undefined, at };
}

/** The partition's expression is checked and has no effect: DuckDB has no partitions. */
function parsePartition(cursor: Cursor): Expression {
  if (cursor.is("_PARTITIONDATE") || cursor.is("_PARTITIONTIME")) {
    cursor.refuse("Partitioning by ingestion time", "Partition by a column.");
  }
  return parseExpression(cursor);
}

function parseColumns(cursor: Cursor): readonly ColumnDefinition[] {
  cursor.expect("(");
  const columns: ColumnDefinition[] = [];
  while (!cursor.accept(")")) {
    if (!parseConstraint(cursor)) columns.push(parseColumn(cursor));
    if (!cursor.is(")")) cursor.expect(",");
  }
  return columns;
}

/** A key that is not enforced: BigQuery takes it as a hint, and so it has no effect here. */
function parseConstraint(cursor: Cursor): boolean {
  if (cursor.accept("CONSTRAINT")) parseName(cursor);
  if (cursor.accept("PRIMARY", "KEY")) cursor.enclosed(() => parseName(cursor));
  else if (cursor.accept("FOREIGN", "KEY")) {
    cursor.enclosed(() => parseName(cursor));
    parseReference(cursor);
  } else return false;
  cursor.expect("NOT", "ENFORCED");
  return true;
}

function parseReference(cursor: Cursor): void {
  cursor.expect("REFERENCES");
  parseTableName(cursor);
  cursor.enclosed(() => parseName(cursor));
}

/** `name TYPE [DEFAULT x] [NOT NULL] [OPTIONS (…)]`. */
export function parseColumn(cursor: Cursor): ColumnDefinition {
  const at = cursor.at;
  const name = parseName(cursor);
  const type = parseType(cursor);
  if (cursor.is("COLLATE")) cursor.refuse("COLLATE");
  let [required, initial]: [boolean, Expression | undefined] = [false, undefined];
  for (;;) {
    if (cursor.accept("NOT", "NULL")) required = true;
    else if (cursor.accept("DEFAULT")) initial = parseExpression(cursor);
    else if (cursor.accept("PRIMARY", "KEY")) cursor.expect("NOT", "ENFORCED");
    else if (cursor.is("REFERENCES")) {
      parseReference(cursor);
      cursor.expect("NOT", "ENFORCED");
    } else if (!parseOptions(cursor)) return { name, type, required, initial, at };
  }
}

/** `OPTIONS (name = value, …)`: read and checked for form; none of them changes an answer. */
export function parseOptions(cursor: Cursor): boolean {
  if (!cursor.accept("OPTIONS", "(")) return false;
  if (cursor.accept(")")) return true;
  cursor.list(() => {
    parseName(cursor);
    cursor.expect("=");
    parseExpression(cursor);
  });
  cursor.expect(")");
  return true;
}
