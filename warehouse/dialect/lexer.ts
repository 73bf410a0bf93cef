/** Cuts the text of a script into tokens by GoogleSQL's lexical rules. */
import { readQuoted } from "./quoted.ts";
import { Invalid, type Position, Refusal } from "./refusal.ts";

export type TokenKind =
  | "word"
  | "quoted-name"
  | "integer"
  | "float"
  | "string"
  | "bytes"
  | "parameter"
  | "symbol"
  | "end";

export interface Token {
  readonly kind: TokenKind;
  /** Names and symbols as written, strings as they mean, bytes as hexadecimal digits. */
  readonly text: string;
  /** The text in upper case for words; otherwise the same as `text`. */
  readonly upper: string;
  readonly at: Position;
  /** Offset of the first character after the token. */
  readonly end: number;
}

const SYMBOLS = [
  "<=>",
  "<<",
  ">>",
  "||",
  "<=",
  ">=",
  "<>",
  "!=",
  "=>",
  "+=",
  "-=",
  "|>",
  ..."+-*/%&|^~=<>()[]{},.;:@?!$\\".split(""),
];

const STRING_START = /(?:r|b|rb|br)?(?:'''|"""|'|")/iy;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const PARAMETER = /@@?[A-Za-z_][A-Za-z0-9_]*/y;

/** Answers the position of an offset in a text. */
export function positionIn(text: string): (offset: number) => Position {
  const starts = [0];
  for (let index = text.indexOf("\n"); index >= 0; index = text.indexOf("\n", index + 1))
    starts.push(index + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { offset, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** All tokens of a script; the last one is of kind `end`. Throws `Refusal` at a character that begins no token. */
export function tokenize(text: string): readonly Token[] {
  const place = positionIn(text);
  const tokens: Token[] = [];
  let offset = skipBlank(text, 0, place);
  while (offset < text.length) {
    const token = readToken(text, offset, place(offset), tokens.at(-1));
    tokens.push(token);
    offset = skipBlank(text, token.end, place);
  }
  tokens.push({ kind: "end", text: "", upper: "", at: place(text.length), end: text.length });
  return tokens;
}

function skipBlank(text: string, from: number, place: (offset: number) => Position): number {
  let offset = from;
  for (;;) {
    const next = text[offset];
    if (next !== undefined && /\s/.test(next)) offset++;
    else if (next === "#" || text.startsWith("--", offset)) {
      const end = text.indexOf("\n", offset);
      offset = end < 0 ? text.length : end + 1;
    } else if (text.startsWith("/*", offset)) {
      const end = text.indexOf("*/", offset + 2);
      if (end < 0) throw new Invalid("A comment that is not closed", place(offset));
      offset = end + 2;
    } else return offset;
  }
}

function readToken(text: string, offset: number, at: Position, before: Token | undefined): Token {
  const quote = matchAt(STRING_START, text, offset);
  if (quote !== undefined) {
    const { kind, value, end } = readQuoted(text, offset, quote, at);
    return { kind, text: value, upper: value, at, end };
  }
  if (text[offset] === "`") return readQuotedName(text, offset, at);
  const number = matchAt(NUMBER, text, offset);
  if (number !== undefined && !(number.startsWith(".") && follows(before, offset))) {
    return readNumber(text, number, offset, at, before);
  }
  const word = matchAt(WORD, text, offset);
  if (word !== undefined) return made("word", word, at);
  const parameter = matchAt(PARAMETER, text, offset);
  if (parameter !== undefined) return made("parameter", parameter, at);
  const symbol = SYMBOLS.find((candidate) => text.startsWith(candidate, offset));
  if (symbol === undefined) throw new Refusal(`The character ${JSON.stringify(text[offset])}`, at);
  return made("symbol", symbol, at);
}

/** `a.1` is never a path here, yet `t.1e5` must not become a number after a name. */
function follows(before: Token | undefined, offset: number): boolean {
  return (
    before !== undefined && before.end === offset && (before.kind === "word" || before.kind === "quoted-name")
  );
}

function readNumber(
  text: string,
  number: string,
  offset: number,
  at: Position,
  before: Token | undefined,
): Token {
  // `my-project-1.dataset`: the point belongs to the path.
  if (/^\d+\.$/.test(number) && /[A-Za-z_`]/.test(text[offset + number.length] ?? "")) {
    return made("integer", number.slice(0, -1), at);
  }
  const isPathPart = before?.text === "." && before.kind === "symbol" && before.end === offset;
  const after = text[offset + number.length];
  if (isPathPart || (after !== undefined && /[A-Za-z_0-9]/.test(after))) {
    throw new Invalid(`The number ${number} with letters after it`, at);
  }
  return made(/^0x|^\d+$/i.test(number) ? "integer" : "float", number, at);
}

function readQuotedName(text: string, offset: number, at: Position): Token {
  const end = text.indexOf("`", offset + 1);
  const name = text.slice(offset + 1, end);
  if (end < 0 || name.includes("\n")) throw new Invalid("A quoted name that is not closed", at);
  if (name === "" || name.includes("\\")) throw new Refusal("An empty or escaped quoted name", at);
  return { kind: "quoted-name", text: name, upper: name, at, end: end + 1 };
}

function made(kind: TokenKind, text: string, at: Position): Token {
  return { kind, text, upper: text.toUpperCase(), at, end: at.offset + text.length };
}

function matchAt(pattern: RegExp, text: string, offset: number): string | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0];
}
