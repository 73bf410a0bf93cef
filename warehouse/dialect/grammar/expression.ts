/** Expressions by precedence: OR, AND, NOT, comparisons, bit operators, sums, products, signs. */
import type { ArithmeticOperator, BinaryOperator, Expression } from "../tree.ts";
import type { Cursor } from "./cursor.ts";
import { parsePostfix } from "./postfix.ts";
import { atQuery, parseQuery } from "./query.ts";

export function parseExpression(cursor: Cursor): Expression {
  return cursor.deeper(() => parseOr(cursor));
}

function parseOr(cursor: Cursor): Expression {
  let left = parseAnd(cursor);
  while (cursor.is("OR")) left = binary(cursor, "OR", left, parseAnd);
  return left;
}

function parseAnd(cursor: Cursor): Expression {
  let left = parseNot(cursor);
  while (cursor.is("AND")) left = binary(cursor, "AND", left, parseNot);
  return left;
}

function parseNot(cursor: Cursor): Expression {
  const at = cursor.at;
  if (!cursor.accept("NOT")) return parseComparison(cursor);
  return { kind: "unary", operator: "NOT", operand: cursor.deeper(() => parseNot(cursor)), at };
}

const COMPARISONS: Readonly<Record<string, BinaryOperator>> = {
  "=": "=",
  "!=": "!=",
  "<>": "!=",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
};

/** Comparisons do not associate: `a < b < c` is no GoogleSQL. */
function parseComparison(cursor: Cursor): Expression {
  const left = parseBitOr(cursor);
  const at = cursor.at;
  const operator = cursor.isKind("symbol") ? COMPARISONS[cursor.peek().text] : undefined;
  if (operator !== undefined) {
    cursor.next();
    return { kind: "binary", operator, left, right: parseBitOr(cursor), at };
  }
  if (cursor.accept("IS")) return parseIs(cursor, left);
  const negated = cursor.is("NOT") && cursor.accept("NOT");
  if (cursor.accept("BETWEEN")) {
    const low = parseBitOr(cursor);
    cursor.expect("AND");
    return { kind: "between", negated, value: left, low, high: parseBitOr(cursor), at };
  }
  if (cursor.accept("IN")) return parseIn(cursor, left, negated);
  if (cursor.accept("LIKE")) return parseLike(cursor, left, negated);
  if (negated) cursor.unexpected("BETWEEN, IN or LIKE was expected");
  return left;
}

function parseIs(cursor: Cursor, value: Expression): Expression {
  const at = value.at;
  const negated = cursor.accept("NOT");
  if (cursor.accept("DISTINCT", "FROM")) {
    return { kind: "distinct-test", negated, left: value, right: parseBitOr(cursor), at };
  }
  const test = cursor.acceptAny(["NULL", "TRUE", "FALSE", "UNKNOWN"]);
  if (test === undefined) cursor.unexpected("NULL, TRUE, FALSE or DISTINCT FROM was expected");
  return { kind: "is", negated, value, test, at };
}

function parseIn(cursor: Cursor, value: Expression, negated: boolean): Expression {
  const at = value.at;
  if (cursor.accept("UNNEST")) {
    cursor.expect("(");
    const array = parseExpression(cursor);
    cursor.expect(")");
    return { kind: "in-array", negated, value, array, at };
  }
  cursor.expect("(");
  if (atQuery(cursor)) {
    const query = parseQuery(cursor);
    cursor.expect(")");
    return { kind: "in-query", negated, value, query, at };
  }
  const items = cursor.list(() => parseExpression(cursor));
  cursor.expect(")");
  return { kind: "in-list", negated, value, items, at };
}

function parseLike(cursor: Cursor, value: Expression, negated: boolean): Expression {
  const at = value.at;
  const word = cursor.acceptAny(["ANY", "SOME", "ALL"]);
  if (word === undefined) {
    return { kind: "like", negated, value, patterns: [parseBitOr(cursor)], quantifier: "one", at };
  }
  if (cursor.is("UNNEST") || cursor.is("(", "SELECT")) cursor.refuse(`LIKE ${word} over an array or query`);
  const patterns = cursor.enclosed(() => parseExpression(cursor));
  return { kind: "like", negated, value, patterns, quantifier: word === "ALL" ? "all" : "any", at };
}

/** The levels of left-associative operators below comparison, from loose to tight. */
const LEVELS: readonly (readonly ArithmeticOperator[])[] = [
  ["|"],
  ["^"],
  ["&"],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "||"],
];

function parseBitOr(cursor: Cursor): Expression {
  return parseLevel(cursor, 0);
}

function parseLevel(cursor: Cursor, level: number): Expression {
  const operators = LEVELS[level];
  if (operators === undefined) return parseSign(cursor);
  const tighter = (): Expression => parseLevel(cursor, level + 1);
  let left = tighter();
  for (;;) {
    const operator = cursor.isKind("symbol") ? operators.find((symbol) => cursor.is(symbol)) : undefined;
    if (operator === undefined) return left;
    left = binary(cursor, operator, left, tighter);
  }
}

function binary(
  cursor: Cursor,
  operator: BinaryOperator,
  left: Expression,
  rule: (cursor: Cursor) => Expression,
): Expression {
  const at = cursor.next().at;
  return { kind: "binary", operator, left, right: rule(cursor), at };
}

function parseSign(cursor: Cursor): Expression {
  const at = cursor.at;
  const operator = cursor.isKind("symbol") ? cursor.acceptAny(["-", "+", "~"]) : undefined;
  if (operator === undefined) return parsePostfix(cursor);
  // The literal -9223372036854775808 has no positive twin, so the sign joins the digits at once.
  if (operator === "-" && cursor.isKind("integer")) {
    return { kind: "integer", text: `-${cursor.next().text}`, at };
  }
  return { kind: "unary", operator, operand: cursor.deeper(() => parseSign(cursor)), at };
}
