/** ARRAY and STRUCT: literals with or without a type, and ARRAY(query). */
import type { Expression, StructLiteral } from "../tree.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseName } from "./names.ts";
import { atQuery, parseQuery } from "./query.ts";
import { parseStructFields, parseType } from "./types.ts";

/** `[1, 2]`, `ARRAY[1]`, `ARRAY<INT64>[]`, `ARRAY(SELECT …)`. */
export function parseArray(cursor: Cursor): Expression {
  const at = cursor.at;
  const written = cursor.accept("ARRAY");
  if (written && cursor.accept("(")) {
    if (!atQuery(cursor)) cursor.unexpected("a query was expected");
    const query = parseQuery(cursor);
    cursor.expect(")");
    return { kind: "array-query", query, at };
  }
  let element: ReturnType<typeof parseType> | undefined;
  if (written && cursor.accept("<")) {
    element = parseType(cursor);
    if (cursor.is(">>")) cursor.split();
    cursor.expect(">");
  }
  cursor.expect("[");
  const items = cursor.is("]") ? [] : cursor.list(() => parseExpression(cursor));
  cursor.expect("]");
  return { kind: "array", element, items, at };
}

/** `STRUCT(1 AS a, b)`, `STRUCT<a INT64>(1)`. */
export function parseStruct(cursor: Cursor): StructLiteral {
  const at = cursor.at;
  cursor.expect("STRUCT");
  const type = cursor.is("<") ? parseStructFields(cursor) : undefined;
  cursor.expect("(");
  const fields = cursor.is(")") ? [] : cursor.list(() => parseField(cursor));
  cursor.expect(")");
  return { kind: "struct", type, fields, at };
}

function parseField(cursor: Cursor): StructLiteral["fields"][number] {
  const value = parseExpression(cursor);
  return { value, name: cursor.accept("AS") ? parseName(cursor) : undefined };
}
