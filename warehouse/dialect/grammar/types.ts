/** Types as they are written in CAST, literals and column definitions. */
import { Refusal } from "../refusal.ts";
import type { ScalarType, TypeField, TypeName } from "../tree.ts";
import type { Cursor } from "./cursor.ts";
import { atName, parseName } from "./names.ts";

const SCALARS: Readonly<Record<string, ScalarType>> = {
  INT64: "INT64",
  INT: "INT64",
  INTEGER: "INT64",
  BIGINT: "INT64",
  SMALLINT: "INT64",
  TINYINT: "INT64",
  BYTEINT: "INT64",
  FLOAT64: "FLOAT64",
  NUMERIC: "NUMERIC",
  DECIMAL: "NUMERIC",
  BOOL: "BOOL",
  BOOLEAN: "BOOL",
  STRING: "STRING",
  BYTES: "BYTES",
  DATE: "DATE",
  DATETIME: "DATETIME",
  TIMESTAMP: "TIMESTAMP",
  TIME: "TIME",
  JSON: "JSON",
};

export function parseType(cursor: Cursor): TypeName {
  const at = cursor.at;
  if (cursor.accept("ARRAY")) {
    cursor.expect("<");
    const element = cursor.deeper(() => parseType(cursor));
    if (element.kind === "array") throw new Refusal("An array of arrays", at, "BigQuery has none either.");
    closeAngle(cursor);
    return { kind: "array", element, at };
  }
  if (cursor.accept("STRUCT")) return { kind: "struct", fields: parseStructFields(cursor), at };
  const word = cursor.peek();
  const name = SCALARS[word.upper];
  if (word.kind !== "word" || name === undefined) throw new Refusal(`The type ${word.text || "(none)"}`, at);
  cursor.next();
  if (cursor.is("(")) cursor.refuse(`A length or precision of ${name}`, `Write ${name} alone.`);
  return { kind: "scalar", name, at };
}

/** `<a INT64, STRING>` behind the word STRUCT. */
export function parseStructFields(cursor: Cursor): readonly TypeField[] {
  cursor.expect("<");
  const fields = cursor.list(() => parseField(cursor));
  closeAngle(cursor);
  return fields;
}

function parseField(cursor: Cursor): TypeField {
  const named = atName(cursor) && !cursor.is(cursor.peek().upper, ",") && !endsType(cursor);
  const name = named ? parseName(cursor) : undefined;
  return { name, type: cursor.deeper(() => parseType(cursor)) };
}

function endsType(cursor: Cursor): boolean {
  return [">", ">>", "<"].includes(cursor.peek(1).upper);
}

/** The lexer reads `>>` as one symbol; here it closes two types. */
function closeAngle(cursor: Cursor): void {
  if (cursor.is(">>")) cursor.split();
  cursor.expect(">");
}
