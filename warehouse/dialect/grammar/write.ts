/** INSERT, UPDATE and DELETE. */
import type { Assignment, Delete, Insert, Update } from "../statement-tree.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseFrom } from "./from.ts";
import { parseAlias, parseName, parseTableName } from "./names.ts";
import { parseQuery } from "./query.ts";

export function parseInsert(cursor: Cursor): Insert {
  const at = cursor.at;
  cursor.expect("INSERT");
  cursor.accept("INTO");
  const table = parseTableName(cursor);
  const columns =
    cursor.is("(") && !isQueryAhead(cursor) ? cursor.enclosed(() => parseName(cursor)) : undefined;
  if (cursor.accept("VALUES")) {
    const rows = cursor.list(() => cursor.enclosed(() => parseValue(cursor)));
    return { kind: "insert", table, columns, rows, query: undefined, at };
  }
  return { kind: "insert", table, columns, rows: undefined, query: parseQuery(cursor), at };
}

function isQueryAhead(cursor: Cursor): boolean {
  return ["SELECT", "WITH", "("].includes(cursor.peek(1).upper);
}

function parseValue(cursor: Cursor): ReturnType<typeof parseExpression> {
  if (cursor.is("DEFAULT")) cursor.refuse("DEFAULT as a value", "Leave the column out of the list.");
  return parseExpression(cursor);
}

export function parseUpdate(cursor: Cursor): Update {
  const at = cursor.at;
  cursor.expect("UPDATE");
  const table = parseTableName(cursor);
  const alias = parseAlias(cursor);
  cursor.expect("SET");
  const assignments = parseAssignments(cursor);
  const from = cursor.accept("FROM") ? parseFrom(cursor) : undefined;
  if (!cursor.accept("WHERE")) cursor.unexpected("UPDATE must have a WHERE clause");
  return { kind: "update", table, alias, assignments, from, where: parseExpression(cursor), at };
}

export function parseAssignments(cursor: Cursor): readonly Assignment[] {
  return cursor.list(() => {
    const at = cursor.at;
    const first = parseName(cursor);
    const second = cursor.accept(".") ? parseName(cursor) : undefined;
    if (cursor.is(".")) cursor.refuse("SET of a field inside a column", "Set the whole column.");
    cursor.expect("=");
    const value = parseValue(cursor);
    return { qualifier: second && first, column: second ?? first, value, at };
  });
}

export function parseDelete(cursor: Cursor): Delete {
  const at = cursor.at;
  cursor.expect("DELETE");
  cursor.accept("FROM");
  const table = parseTableName(cursor);
  const alias = parseAlias(cursor);
  if (!cursor.accept("WHERE")) cursor.unexpected("DELETE must have a WHERE clause");
  return { kind: "delete", table, alias, where: parseExpression(cursor), at };
}
