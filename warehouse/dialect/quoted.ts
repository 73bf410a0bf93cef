/** Reads string and bytes literals: plain, raw and triple-quoted, with GoogleSQL's escape sequences. */
import { Invalid, type Position } from "./refusal.ts";

export interface Quoted {
  readonly kind: "string" | "bytes";
  /** The meaning: text for strings, hexadecimal digits for bytes. */
  readonly value: string;
  readonly end: number;
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "?": "?",
  "'": "'",
  '"': '"',
  "`": "`",
};

/** Reads the literal whose prefix and opening quotes are `opening`, for example `rb"""`. */
export function readQuoted(text: string, offset: number, opening: string, at: Position): Quoted {
  const quotes = opening.replace(/^[rb]+/i, "");
  const prefix = opening.slice(0, opening.length - quotes.length).toLowerCase();
  const start = offset + opening.length;
  const end = closing(text, start, quotes, at);
  const body = text.slice(start, end).replace(/\r\n?/g, "\n");
  const kind = prefix.includes("b") ? "bytes" : "string";
  const parts = prefix.includes("r") ? [body] : unescaped(body, kind, at);
  const value =
    kind === "string" ? parts.map(textOf).join("") : Buffer.concat(parts.map(bytesOf)).toString("hex");
  return { kind, value, end: end + quotes.length };
}

function closing(text: string, start: number, quotes: string, at: Position): number {
  for (let index = start; index < text.length; index++) {
    if (text[index] === "\\") index++;
    else if (text.startsWith(quotes, index)) return index;
    else if (text[index] === "\n" && quotes.length === 1) break;
  }
  throw new Invalid("A string that is not closed", at);
}

/** Pieces of text, and numbers for single bytes or code points. */
function unescaped(body: string, kind: Quoted["kind"], at: Position): (string | number)[] {
  const pieces: (string | number)[] = [];
  const pattern = /\\(?:[xX]([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/y;
  let index = 0;
  while (index < body.length) {
    const next = body.indexOf("\\", index);
    if (next < 0) break;
    pieces.push(body.slice(index, next));
    pattern.lastIndex = next;
    const match = pattern.exec(body);
    pieces.push(escapeOf(match, kind, at));
    index = next + (match?.[0].length ?? 1);
  }
  pieces.push(body.slice(index));
  return pieces;
}

function escapeOf(match: RegExpExecArray | null, kind: Quoted["kind"], at: Position): string | number {
  const [, hexadecimal, octal, short, long, simple] = match ?? [];
  if (hexadecimal !== undefined) return Number.parseInt(hexadecimal, 16);
  if (octal !== undefined) return Number.parseInt(octal, 8);
  const point = short ?? long;
  if (point !== undefined && kind === "string") {
    const code = Number.parseInt(point, 16);
    if (code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)) return String.fromCodePoint(code);
  }
  const meaning = simple === undefined ? undefined : SIMPLE[simple];
  if (meaning === undefined) throw new Invalid(`The escape sequence ${match?.[0] ?? "\\"}`, at);
  return meaning;
}

function textOf(piece: string | number): string {
  return typeof piece === "number" ? String.fromCodePoint(piece) : piece;
}

function bytesOf(piece: string | number): Buffer {
  return typeof piece === "number" ? Buffer.from([piece]) : Buffer.from(piece, "utf8");
}
