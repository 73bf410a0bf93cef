/** Primary expressions: literals, names, parentheses, and the forms that begin with a keyword. */
import type { Expression, TypedLiteral } from "../tree.ts";
import { parseCall } from "./call.ts";
import { parseArray, parseStruct } from "./constructors.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { atName, parseName } from "./names.ts";
import { atQuery, parseQuery } from "./query.ts";
import { parseType } from "./types.ts";

export function parsePrimary(cursor: Cursor): Expression {
  const token = cursor.peek();
  switch (token.kind) {
    case "integer":
      return { kind: "integer", text: cursor.next().text, at: token.at };
    case "float":
      return { kind: "float", text: cursor.next().text, at: token.at };
    case "string":
      return parseStrings(cursor);
    case "bytes":
      return { kind: "bytes", hexadecimal: cursor.next().text, at: token.at };
    case "parameter":
      return { kind: "parameter", name: cursor.next().text, at: token.at };
    case "quoted-name":
      return parseNamed(cursor);
    case "word":
      return parseKeyword(cursor) ?? parseNamed(cursor);
    case "symbol":
      return parseSymbol(cursor);
    case "end":
      return cursor.unexpected("an expression was expected");
  }
}

function parseStrings(cursor: Cursor): Expression {
  const token = cursor.next();
  if (cursor.isKind("string")) cursor.refuse("A string literal behind another", "Join them with ||.");
  return { kind: "string", value: token.text, at: token.at };
}

function parseSymbol(cursor: Cursor): Expression {
  const at = cursor.at;
  if (cursor.is("[")) return parseArray(cursor);
  if (cursor.accept("?")) return { kind: "parameter", name: "?", at };
  if (!cursor.accept("(")) cursor.unexpected("an expression was expected");
  if (atQuery(cursor)) {
    const query = parseQuery(cursor);
    cursor.expect(")");
    return { kind: "scalar-query", query, at };
  }
  const items = cursor.list(() => parseExpression(cursor));
  cursor.expect(")");
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind: "tuple", items, at };
}

/** The forms that begin with a keyword; undefined when the word is a plain name. */
function parseKeyword(cursor: Cursor): Expression | undefined {
  const { upper, at } = cursor.peek();
  const rule = KEYWORDS[upper];
  if (rule !== undefined) return rule(cursor);
  const literal = TYPED_LITERALS[upper];
  if (literal !== undefined && cursor.peek(1).kind === "string") {
    cursor.next();
    return { kind: "typed-literal", type: literal, value: cursor.next().text, at };
  }
  return undefined;
}

const TYPED_LITERALS: Readonly<Record<string, TypedLiteral["type"]>> = {
  DATE: "DATE",
  DATETIME: "DATETIME",
  TIMESTAMP: "TIMESTAMP",
  TIME: "TIME",
  NUMERIC: "NUMERIC",
  DECIMAL: "NUMERIC",
  JSON: "JSON",
};

const KEYWORDS: Readonly<Record<string, (cursor: Cursor) => Expression | undefined>> = {
  NULL: (cursor) => ({ kind: "null", at: cursor.next().at }),
  TRUE: (cursor) => ({ kind: "boolean", value: true, at: cursor.next().at }),
  FALSE: (cursor) => ({ kind: "boolean", value: false, at: cursor.next().at }),
  CASE: parseCase,
  CAST: (cursor) => parseCast(cursor, false),
  SAFE_CAST: (cursor) => (cursor.peek(1).text === "(" ? parseCast(cursor, true) : undefined),
  EXTRACT: parseExtract,
  EXISTS: parseExists,
  INTERVAL: parseInterval,
  ARRAY: parseArray,
  STRUCT: parseStruct,
  IF: parseCall,
  LEFT: parseCall,
  RIGHT: parseCall,
  GROUPING: parseCall,
  RANGE: (cursor) => cursor.refuse("The type RANGE"),
  NEW: (cursor) => cursor.refuse("A protocol buffer"),
  COLLATE: (cursor) => cursor.refuse("COLLATE"),
};

function parseNamed(cursor: Cursor): Expression {
  if (!atName(cursor)) cursor.unexpected("an expression was expected");
  if (startsCall(cursor)) return parseCall(cursor);
  const { at, upper, kind } = cursor.peek();
  // These four are functions with or without parentheses.
  if (kind === "word" && /^CURRENT_(DATE|TIME|DATETIME|TIMESTAMP)$/.test(upper)) {
    cursor.next();
    return { ...NO_CALL, name: upper, at };
  }
  return { kind: "path", names: [parseName(cursor)], at };
}

const NO_CALL = {
  kind: "call",
  safe: false,
  arguments: [],
  distinct: false,
  nulls: undefined,
  orderBy: [],
  limit: undefined,
  over: undefined,
} as const;

/** `NAME(`, `SAFE.NAME(`, `NET.NAME(`: words and dots up to an opening parenthesis. */
function startsCall(cursor: Cursor): boolean {
  let ahead = 0;
  while (cursor.peek(ahead).kind === "word" && cursor.peek(ahead + 1).text === ".") ahead += 2;
  const isWord = cursor.peek(ahead).kind === "word";
  const opens = cursor.peek(ahead + 1);
  return isWord && opens.kind === "symbol" && opens.text === "(";
}

function parseCase(cursor: Cursor): Expression {
  const at = cursor.next().at;
  const subject = cursor.is("WHEN") ? undefined : parseExpression(cursor);
  const branches: { when: Expression; result: Expression }[] = [];
  while (cursor.accept("WHEN")) {
    const when = parseExpression(cursor);
    cursor.expect("THEN");
    branches.push({ when, result: parseExpression(cursor) });
  }
  if (branches.length === 0) cursor.unexpected("WHEN was expected");
  const otherwise = cursor.accept("ELSE") ? parseExpression(cursor) : undefined;
  cursor.expect("END");
  return { kind: "case", subject, branches, otherwise, at };
}

function parseCast(cursor: Cursor, safe: boolean): Expression {
  const at = cursor.next().at;
  cursor.expect("(");
  const value = parseExpression(cursor);
  cursor.expect("AS");
  const type = parseType(cursor);
  if (cursor.is("FORMAT")) cursor.refuse("CAST with FORMAT", "Use FORMAT_DATE or PARSE_DATE and their like.");
  cursor.expect(")");
  return { kind: "cast", safe, value, type, at };
}

function parseExtract(cursor: Cursor): Expression {
  const at = cursor.next().at;
  cursor.expect("(");
  const part = parsePart(cursor);
  cursor.expect("FROM");
  const from = parseExpression(cursor);
  const zone = cursor.accept("AT", "TIME", "ZONE") ? parseExpression(cursor) : undefined;
  cursor.expect(")");
  return { kind: "extract", part, from, zone, at };
}

/** `DAY`, `WEEK(MONDAY)`: a date part. */
export function parsePart(cursor: Cursor): string {
  const word = cursor.next();
  if (word.kind !== "word") cursor.unexpected("a date part was expected");
  if (word.upper !== "WEEK" || !cursor.accept("(")) return word.upper;
  const day = parseName(cursor).toUpperCase();
  cursor.expect(")");
  return `WEEK(${day})`;
}

function parseExists(cursor: Cursor): Expression {
  const at = cursor.next().at;
  cursor.expect("(");
  const query = parseQuery(cursor);
  cursor.expect(")");
  return { kind: "exists", query, at };
}

function parseInterval(cursor: Cursor): Expression {
  const at = cursor.next().at;
  const amount = parseExpression(cursor);
  const part = parsePart(cursor);
  if (cursor.is("TO")) cursor.refuse("INTERVAL over a range of parts");
  return { kind: "interval", amount, part, at };
}
