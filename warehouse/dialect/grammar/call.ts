/** Function calls with everything that may stand in and behind their parentheses. */
import type { Call, Expression, OrderItem } from "../tree.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseNameAfterDot } from "./names.ts";
import { parsePart } from "./primary.ts";
import { atQuery, parseQuery } from "./query.ts";
import { parseOrderItems, parseOver } from "./window.ts";

export function parseCall(cursor: Cursor): Call {
  const at = cursor.at;
  const names = [cursor.next().upper];
  while (cursor.accept(".")) names.push(parseNameAfterDot(cursor).toUpperCase());
  const safe = names.length > 1 && names[0] === "SAFE";
  const name = (safe ? names.slice(1) : names).join(".");
  cursor.expect("(");
  const distinct = cursor.accept("DISTINCT");
  const parsed = cursor.is(")") ? [] : parseArguments(cursor);
  const nulls = parseNulls(cursor);
  if (cursor.is("HAVING")) cursor.refuse("HAVING MAX or MIN in an aggregate", "Use MAX_BY or MIN_BY.");
  const orderBy: readonly OrderItem[] = cursor.accept("ORDER", "BY") ? parseOrderItems(cursor) : [];
  const limit = cursor.accept("LIMIT") ? parseExpression(cursor) : undefined;
  cursor.expect(")");
  // Behind a call inside ARRAY_AGG the words belong to ARRAY_AGG, unless OVER follows them.
  const after = cursor.peek(2).upper === "OVER" ? parseNulls(cursor) : undefined;
  const over = cursor.accept("OVER") ? parseOver(cursor) : undefined;
  const call = { kind: "call", name, safe, arguments: parsed, distinct, orderBy, limit, over, at } as const;
  return { ...call, nulls: nulls ?? after };
}

function parseArguments(cursor: Cursor): readonly Expression[] {
  return cursor.list(() => parseArgument(cursor));
}

function parseArgument(cursor: Cursor): Expression {
  const at = cursor.at;
  if (cursor.accept("*")) return { kind: "star", at };
  if (atQuery(cursor)) return { kind: "scalar-query", query: parseQuery(cursor), at };
  if (cursor.is("WEEK", "(")) return { kind: "path", names: [parsePart(cursor)], at };
  const value = parseExpression(cursor);
  if (cursor.is("=>")) cursor.refuse("A named argument");
  if (cursor.is("->")) cursor.refuse("A lambda");
  return value;
}

function parseNulls(cursor: Cursor): Call["nulls"] {
  if (cursor.accept("IGNORE", "NULLS")) return "IGNORE";
  return cursor.accept("RESPECT", "NULLS") ? "RESPECT" : undefined;
}
