/** FROM: tables, subqueries, UNNEST, PIVOT and joins. */
import type { FromItem, Join, PivotItem, UnnestItem } from "../tree.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseAlias, parseName, parseTableName } from "./names.ts";
import { atQuery, parseQuery } from "./query.ts";

export function parseFrom(cursor: Cursor): FromItem {
  let left = parseItem(cursor);
  for (;;) {
    const at = cursor.at;
    const type = parseJoinType(cursor);
    if (type === undefined) return left;
    const right = parseItem(cursor);
    left = { kind: "join", type, left, right, ...parseCondition(cursor, type, right), at };
  }
}

function parseJoinType(cursor: Cursor): Join["type"] | undefined {
  if (cursor.accept(",")) return "COMMA";
  if (cursor.accept("CROSS")) {
    cursor.expect("JOIN");
    return "CROSS";
  }
  if (cursor.accept("JOIN")) return "INNER";
  if (cursor.is("NATURAL")) cursor.refuse("NATURAL JOIN", "Name the columns with USING.");
  const type = cursor.acceptAny(["INNER", "LEFT", "RIGHT", "FULL"]);
  if (type === undefined) return undefined;
  if (type !== "INNER") cursor.accept("OUTER");
  cursor.expect("JOIN");
  return type;
}

function parseCondition(cursor: Cursor, type: Join["type"], right: FromItem): Pick<Join, "on" | "using"> {
  if (type === "COMMA" || type === "CROSS") return { on: undefined, using: [] };
  if (cursor.accept("ON")) return { on: parseExpression(cursor), using: [] };
  if (cursor.accept("USING")) return { on: undefined, using: cursor.enclosed(() => parseName(cursor)) };
  if (right.kind !== "unnest") cursor.unexpected("ON or USING was expected");
  return { on: undefined, using: [] };
}

function parseItem(cursor: Cursor): FromItem {
  const item = parsePlainItem(cursor);
  if (cursor.is("PIVOT", "(")) return parsePivot(cursor, item);
  if (cursor.is("UNPIVOT")) cursor.refuse("UNPIVOT", "Write one SELECT a column and UNION ALL.");
  if (cursor.is("TABLESAMPLE")) cursor.refuse("TABLESAMPLE");
  if (cursor.is("FOR", "SYSTEM_TIME")) cursor.refuse("FOR SYSTEM_TIME AS OF");
  if (cursor.is("MATCH_RECOGNIZE")) cursor.refuse("MATCH_RECOGNIZE");
  return item;
}

function parsePlainItem(cursor: Cursor): FromItem {
  const at = cursor.at;
  if (cursor.accept("UNNEST")) return parseUnnest(cursor, at);
  if (cursor.is("LATERAL")) cursor.refuse("LATERAL");
  if (!cursor.is("(")) {
    const { names } = parseTableName(cursor);
    if (cursor.is("(")) cursor.refuse(`The table function ${names.join(".")}`);
    const alias = parseSourceAlias(cursor);
    if (cursor.is("WITH", "OFFSET")) return parseUnnestedPath(cursor, names, alias, at);
    return { kind: "table", names, alias, at };
  }
  if (atQuery(cursor) || cursor.peek(1).upper === "SELECT" || cursor.peek(1).upper === "WITH") {
    cursor.expect("(");
    const query = parseQuery(cursor);
    cursor.expect(")");
    return { kind: "query", query, alias: parseSourceAlias(cursor), at };
  }
  return parseParenthesized(cursor, at);
}

/** `((SELECT …) UNION ALL …)` is a query, `(a JOIN b USING (c))` a join. */
function parseParenthesized(cursor: Cursor, at: FromItem["at"]): FromItem {
  cursor.expect("(");
  if (atQuery(cursor)) {
    const query = parseQuery(cursor);
    cursor.expect(")");
    return { kind: "query", query, alias: parseSourceAlias(cursor), at };
  }
  const item = cursor.deeper(() => parseFrom(cursor));
  cursor.expect(")");
  if (item.kind === "query" && item.alias === undefined) return { ...item, alias: parseSourceAlias(cursor) };
  return item;
}

/** An alias, unless the word opens a following clause. */
function parseSourceAlias(cursor: Cursor): string | undefined {
  const opens = ["PIVOT", "UNPIVOT"].some((word) => cursor.is(word, "("));
  return opens || cursor.is("MATCH_RECOGNIZE") ? undefined : parseAlias(cursor);
}

function parseUnnest(cursor: Cursor, at: UnnestItem["at"]): UnnestItem {
  cursor.expect("(");
  const array = parseExpression(cursor);
  cursor.expect(")");
  const alias = parseSourceAlias(cursor);
  return { kind: "unnest", array, alias, offset: parseOffset(cursor), at };
}

function parseUnnestedPath(
  cursor: Cursor,
  names: readonly string[],
  alias: string | undefined,
  at: UnnestItem["at"],
): UnnestItem {
  const array = { kind: "path", names, at } as const;
  return { kind: "unnest", array, alias: alias ?? names.at(-1), offset: parseOffset(cursor), at };
}

function parseOffset(cursor: Cursor): string | undefined {
  if (!cursor.accept("WITH", "OFFSET")) return undefined;
  return parseAlias(cursor) ?? "offset";
}

function parsePivot(cursor: Cursor, source: FromItem): PivotItem {
  const at = cursor.at;
  cursor.expect("PIVOT", "(");
  const aggregates = cursor.list(() => ({ call: parseExpression(cursor), alias: parseAlias(cursor) }));
  cursor.expect("FOR");
  const column = parseName(cursor);
  cursor.expect("IN");
  const values = cursor.enclosed(() => ({ value: parseExpression(cursor), alias: parseAlias(cursor) }));
  cursor.expect(")");
  return { kind: "pivot", source, aggregates, column, values, alias: parseAlias(cursor), at };
}
