/** What follows a primary expression: fields and subscripts. */
import type { Expression, Subscript } from "../tree.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseNameAfterDot } from "./names.ts";
import { parsePrimary } from "./primary.ts";

export function parsePostfix(cursor: Cursor): Expression {
  let value = parsePrimary(cursor);
  for (;;) {
    if (cursor.is(".") && !cursor.is(".", "*")) {
      cursor.next();
      value = withField(value, parseNameAfterDot(cursor));
    } else if (cursor.is("[")) value = parseSubscript(cursor, value);
    else return value;
  }
}

function withField(of: Expression, name: string): Expression {
  return of.kind === "path"
    ? { kind: "path", names: [...of.names, name], at: of.at }
    : { kind: "field", of, name, at: of.at };
}

function parseSubscript(cursor: Cursor, of: Expression): Subscript {
  const at = cursor.at;
  cursor.expect("[");
  const mode = (["OFFSET", "SAFE_OFFSET", "ORDINAL", "SAFE_ORDINAL"] as const).find((word) =>
    cursor.is(word, "("),
  );
  if (mode === undefined) {
    const index = parseExpression(cursor);
    cursor.expect("]");
    return { kind: "subscript", of, mode: "PLAIN", index, at };
  }
  cursor.expect(mode, "(");
  const index = parseExpression(cursor);
  cursor.expect(")", "]");
  return { kind: "subscript", of, mode, index, at };
}
