/** SELECT with its clauses. */
import type { Expression, GroupBy, Select, SelectItem, SelectStar } from "../tree.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseFrom } from "./from.ts";
import { parseAlias, parseName } from "./names.ts";
import { parseNamedWindows } from "./window.ts";

export function parseSelect(cursor: Cursor): Select {
  const at = cursor.at;
  cursor.expect("SELECT");
  const quantifier = cursor.acceptAny(["DISTINCT", "ALL"]);
  const asStruct = cursor.accept("AS", "STRUCT");
  if (cursor.is("AS", "VALUE")) cursor.refuse("SELECT AS VALUE");
  const items = parseItems(cursor);
  const from = cursor.accept("FROM") ? parseFrom(cursor) : undefined;
  const where = cursor.accept("WHERE") ? parseExpression(cursor) : undefined;
  const groupBy = cursor.accept("GROUP", "BY") ? parseGroupBy(cursor) : undefined;
  const having = cursor.accept("HAVING") ? parseExpression(cursor) : undefined;
  const qualify = cursor.accept("QUALIFY") ? parseExpression(cursor) : undefined;
  const windows = parseNamedWindows(cursor);
  const distinct = quantifier === "DISTINCT";
  return { kind: "select", distinct, asStruct, items, from, where, groupBy, having, qualify, windows, at };
}

function parseItems(cursor: Cursor): readonly SelectItem[] {
  const items = [parseItem(cursor)];
  while (cursor.accept(",")) {
    if (["FROM", ")", ";"].some((word) => cursor.is(word)) || cursor.isKind("end")) break;
    items.push(parseItem(cursor));
  }
  return items;
}

function parseItem(cursor: Cursor): SelectItem {
  const at = cursor.at;
  if (cursor.accept("*")) return parseStar(cursor, undefined, at);
  const value = parseExpression(cursor);
  if (cursor.accept(".", "*")) return parseStar(cursor, value, at);
  return { kind: "expression", value, alias: parseAlias(cursor), at };
}

function parseStar(cursor: Cursor, of: Expression | undefined, at: SelectStar["at"]): SelectStar {
  const except = cursor.accept("EXCEPT") ? cursor.enclosed(() => parseName(cursor)) : [];
  const replace = cursor.accept("REPLACE") ? cursor.enclosed(() => parseReplacement(cursor)) : [];
  return { kind: "star", of, except, replace, at };
}

function parseReplacement(cursor: Cursor): SelectStar["replace"][number] {
  const value = parseExpression(cursor);
  cursor.expect("AS");
  return { value, name: parseName(cursor) };
}

function parseGroupBy(cursor: Cursor): GroupBy {
  if (cursor.accept("ALL")) return { kind: "all" };
  if (cursor.accept("ROLLUP"))
    return { kind: "rollup", items: cursor.enclosed(() => parseExpression(cursor)) };
  if (cursor.accept("CUBE")) return { kind: "cube", items: cursor.enclosed(() => parseExpression(cursor)) };
  if (cursor.accept("GROUPING", "SETS"))
    return { kind: "sets", sets: cursor.enclosed(() => parseSet(cursor)) };
  return { kind: "items", items: cursor.list(() => parseExpression(cursor)) };
}

function parseSet(cursor: Cursor): readonly Expression[] {
  if (cursor.accept("(", ")")) return [];
  if (cursor.is("ROLLUP") || cursor.is("CUBE")) cursor.refuse("ROLLUP or CUBE inside GROUPING SETS");
  const item = parseExpression(cursor);
  return item.kind === "tuple" ? item.items : [item];
}
