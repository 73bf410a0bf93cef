/** Queries: WITH, set operations, ORDER BY and LIMIT around SELECT. */
import type { NamedQuery, Query, QueryBody, SetOperation } from "../tree.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseName } from "./names.ts";
import { parseSelect } from "./select.ts";
import { parseOrderItems } from "./window.ts";

/** Whether a query begins here, and not an expression in parentheses. */
export function atQuery(cursor: Cursor): boolean {
  if (cursor.is("SELECT") || cursor.is("WITH")) return true;
  if (!cursor.is("(")) return false;
  let ahead = 0;
  while (cursor.peek(ahead).text === "(" && cursor.peek(ahead).kind === "symbol") ahead++;
  if (!["SELECT", "WITH"].includes(cursor.peek(ahead).upper)) return false;
  const behind = cursor.peek(afterParenthesis(cursor));
  return behind.kind === "word" && ["UNION", "INTERSECT", "EXCEPT", "ORDER", "LIMIT"].includes(behind.upper);
}

/** How far behind the parenthesis that opens here its partner is closed. */
function afterParenthesis(cursor: Cursor): number {
  let [ahead, depth] = [0, 0];
  do {
    const token = cursor.peek(ahead++);
    if (token.kind === "end") return ahead;
    if (token.kind !== "symbol") continue;
    if (token.text === "(") depth++;
    else if (token.text === ")") depth--;
  } while (depth > 0);
  return ahead;
}

export function parseQuery(cursor: Cursor): Query {
  return cursor.deeper(() => {
    const at = cursor.at;
    const named = cursor.accept("WITH") ? parseNamedQueries(cursor) : [];
    const body = parseBody(cursor);
    const orderBy = cursor.accept("ORDER", "BY") ? parseOrderItems(cursor) : [];
    const limit = cursor.accept("LIMIT") ? parseExpression(cursor) : undefined;
    const offset = limit !== undefined && cursor.accept("OFFSET") ? parseExpression(cursor) : undefined;
    if (cursor.is("|>")) cursor.refuse("Pipe syntax", "Write the steps as CTEs.");
    return { with: named, body, orderBy, limit, offset, at };
  });
}

function parseNamedQueries(cursor: Cursor): readonly NamedQuery[] {
  if (cursor.is("RECURSIVE")) cursor.refuse("WITH RECURSIVE");
  return cursor.list(() => {
    const at = cursor.at;
    const name = parseName(cursor);
    cursor.expect("AS", "(");
    const query = parseQuery(cursor);
    cursor.expect(")");
    return { name, query, at };
  });
}

function parseBody(cursor: Cursor): QueryBody {
  const at = cursor.at;
  const first = parsePart(cursor);
  const operator = parseSetOperator(cursor);
  if (operator === undefined) return first;
  const parts = [first, parsePart(cursor)];
  for (;;) {
    const next = parseSetOperator(cursor);
    if (next === undefined) return { kind: "set", operator, parts, at };
    if (next !== operator) {
      cursor.refuse(`${next} behind ${operator}`, "Put parentheses around one of them, as BigQuery demands.");
    }
    parts.push(parsePart(cursor));
  }
}

function parsePart(cursor: Cursor): QueryBody {
  const at = cursor.at;
  if (cursor.accept("(")) {
    const query = parseQuery(cursor);
    cursor.expect(")");
    return { kind: "nested", query, at };
  }
  if (cursor.is("FROM")) cursor.refuse("A query that begins with FROM", "Begin with SELECT.");
  if (cursor.is("TABLE") || cursor.is("VALUES"))
    cursor.refuse(`A query that begins with ${cursor.peek().upper}`);
  return cursor.deeper(() => parseSelect(cursor));
}

function parseSetOperator(cursor: Cursor): SetOperation["operator"] | undefined {
  const word = cursor.acceptAny(["UNION", "INTERSECT", "EXCEPT"]);
  if (word === undefined) return undefined;
  const quantifier = cursor.acceptAny(["ALL", "DISTINCT"]);
  if (quantifier === undefined) cursor.unexpected("ALL or DISTINCT was expected");
  if (word === "UNION") return `UNION ${quantifier}`;
  if (quantifier === "ALL") cursor.unexpected(`${word} DISTINCT was expected`);
  if (cursor.is("BY", "NAME") || cursor.is("CORRESPONDING")) cursor.refuse("A set operation by name");
  return `${word} DISTINCT`;
}
