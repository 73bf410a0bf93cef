/** MERGE. */
import type { Merge, MergeClause } from "../statement-tree.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseFrom } from "./from.ts";
import { parseAlias, parseName, parseTableName } from "./names.ts";
import { parseAssignments } from "./write.ts";

export function parseMerge(cursor: Cursor): Merge {
  const at = cursor.at;
  cursor.expect("MERGE");
  cursor.accept("INTO");
  const table = parseTableName(cursor);
  const alias = parseAlias(cursor);
  cursor.expect("USING");
  const source = parseFrom(cursor);
  if (source.kind !== "table" && source.kind !== "query") cursor.refuse("MERGE with a join as its source");
  cursor.expect("ON");
  const on = parseExpression(cursor);
  const clauses: MergeClause[] = [];
  while (cursor.is("WHEN")) clauses.push(parseClause(cursor));
  if (clauses.length === 0) cursor.unexpected("WHEN was expected");
  return { kind: "merge", table, alias, source, on, clauses, at };
}

function parseClause(cursor: Cursor): MergeClause {
  const at = cursor.at;
  cursor.expect("WHEN");
  const matched = parseMatched(cursor);
  const condition = cursor.accept("AND") ? parseExpression(cursor) : undefined;
  cursor.expect("THEN");
  return { matched, condition, action: parseAction(cursor), at };
}

function parseMatched(cursor: Cursor): MergeClause["matched"] {
  if (cursor.accept("MATCHED")) return "MATCHED";
  cursor.expect("NOT", "MATCHED");
  if (cursor.accept("BY", "SOURCE")) return "NOT MATCHED BY SOURCE";
  cursor.accept("BY", "TARGET");
  return "NOT MATCHED BY TARGET";
}

function parseAction(cursor: Cursor): MergeClause["action"] {
  if (cursor.accept("DELETE")) return { kind: "delete" };
  if (cursor.accept("UPDATE", "SET")) return { kind: "update", assignments: parseAssignments(cursor) };
  cursor.expect("INSERT");
  if (cursor.accept("ROW")) return { kind: "insert-row" };
  const columns = cursor.is("(") ? cursor.enclosed(() => parseName(cursor)) : [];
  if (cursor.accept("ROW")) cursor.refuse("INSERT (…) ROW", "Write the values out.");
  cursor.expect("VALUES");
  return { kind: "insert", columns, values: cursor.enclosed(() => parseExpression(cursor)) };
}
