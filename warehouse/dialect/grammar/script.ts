/** Scripts: statements separated by semicolons. */
import { tokenize } from "../lexer.ts";
import { Invalid, Refusal } from "../refusal.ts";
import type { Statement } from "../statement-tree.ts";
import { parseCreate } from "./create.ts";
import { Cursor } from "./cursor.ts";
import { parseAlter, parseDrop, parseTruncate } from "./drop.ts";
import { parseMerge } from "./merge.ts";
import { atQuery, parseQuery } from "./query.ts";
import { parseDelete, parseInsert, parseUpdate } from "./write.ts";

/** A statement with the text that it was read from. */
export interface ParsedStatement {
  readonly statement: Statement;
  readonly source: string;
}

const RULES: Readonly<Record<string, (cursor: Cursor) => Statement>> = {
  CREATE: parseCreate,
  DROP: parseDrop,
  ALTER: parseAlter,
  INSERT: parseInsert,
  UPDATE: parseUpdate,
  DELETE: parseDelete,
  MERGE: parseMerge,
  TRUNCATE: parseTruncate,
};

const REFUSED = new Set(
  `DECLARE SET BEGIN COMMIT ROLLBACK IF LOOP WHILE REPEAT FOR CALL EXECUTE RAISE RETURN BREAK LEAVE CONTINUE ITERATE
   EXPORT LOAD GRANT REVOKE ASSERT EXPLAIN DESCRIBE SHOW VALUES FROM`.split(/\s+/),
);

/** The statements of a script. Throws `Refusal` for anything outside the supported grammar. */
export function parseScript(text: string): readonly ParsedStatement[] {
  const tokens = tokenize(text);
  const [first] = tokens;
  const last = tokens.at(-1) ?? first;
  if (last === undefined) return [];
  const cursor = new Cursor(tokens, last);
  const statements: ParsedStatement[] = [];
  while (!cursor.isKind("end")) {
    if (cursor.accept(";")) continue;
    const start = cursor.at.offset;
    const statement = parseStatement(cursor);
    statements.push({ statement, source: text.slice(start, cursor.at.offset) });
    if (!cursor.isKind("end") && !cursor.is(";")) cursor.unexpected("the end of the statement was expected");
  }
  return statements;
}

function parseStatement(cursor: Cursor): Statement {
  const { at, upper, kind, text } = cursor.peek();
  if (atQuery(cursor) || cursor.is("(")) return { kind: "query", query: parseQuery(cursor), at };
  const rule = kind === "word" ? RULES[upper] : undefined;
  if (rule !== undefined) return rule(cursor);
  if (kind === "word" && REFUSED.has(upper)) throw new Refusal(`The statement ${upper}`, at);
  throw new Invalid(`No statement begins with ${JSON.stringify(text)}`, at);
}
