/** ORDER BY items, OVER and WINDOW. */
import type { Frame, FrameBound, OrderItem, Window } from "../tree.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { atName, parseName } from "./names.ts";

export function parseOrderItems(cursor: Cursor): readonly OrderItem[] {
  return cursor.list(() => {
    const at = cursor.at;
    const value = parseExpression(cursor);
    if (cursor.is("COLLATE")) cursor.refuse("COLLATE");
    const descending = cursor.acceptAny(["ASC", "DESC"]) === "DESC";
    const nulls = cursor.accept("NULLS") ? cursor.acceptAny(["FIRST", "LAST"]) : undefined;
    return { value, descending, nulls, at };
  });
}

/** What follows OVER: a window's name or a window in parentheses. */
export function parseOver(cursor: Cursor): Window {
  const at = cursor.at;
  if (!cursor.is("(")) {
    return { base: parseName(cursor), partitionBy: [], orderBy: [], frame: undefined, at };
  }
  return parseWindow(cursor);
}

export function parseWindow(cursor: Cursor): Window {
  const at = cursor.at;
  cursor.expect("(");
  const base = atName(cursor) ? parseName(cursor) : undefined;
  const partitionBy = cursor.accept("PARTITION", "BY") ? cursor.list(() => parseExpression(cursor)) : [];
  const orderBy = cursor.accept("ORDER", "BY") ? parseOrderItems(cursor) : [];
  const frame = cursor.is("ROWS") || cursor.is("RANGE") ? parseFrame(cursor) : undefined;
  cursor.expect(")");
  return { base, partitionBy, orderBy, frame, at };
}

/** `WINDOW a AS (…), b AS (…)` behind QUALIFY. */
export function parseNamedWindows(cursor: Cursor): readonly { name: string; window: Window }[] {
  if (!cursor.accept("WINDOW")) return [];
  return cursor.list(() => {
    const name = parseName(cursor);
    cursor.expect("AS");
    return { name, window: parseOver(cursor) };
  });
}

function parseFrame(cursor: Cursor): Frame {
  const at = cursor.at;
  const unit = cursor.next().upper === "ROWS" ? "ROWS" : "RANGE";
  if (!cursor.accept("BETWEEN")) return { unit, start: parseBound(cursor), end: undefined, at };
  const start = parseBound(cursor);
  cursor.expect("AND");
  return { unit, start, end: parseBound(cursor), at };
}

function parseBound(cursor: Cursor): FrameBound {
  if (cursor.accept("CURRENT", "ROW")) return { kind: "current" };
  const amount = cursor.accept("UNBOUNDED") ? undefined : parseExpression(cursor);
  const direction = cursor.acceptAny(["PRECEDING", "FOLLOWING"]);
  if (direction === undefined) cursor.unexpected("PRECEDING or FOLLOWING was expected");
  return amount === undefined ? { kind: "unbounded", direction } : { kind: "offset", direction, amount };
}
