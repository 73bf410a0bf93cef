/** Names: of columns, aliases and tables, and the words that cannot be one. */
import type { TableName } from "../statement-tree.ts";
import type { Cursor } from "./cursor.ts";

/** GoogleSQL's reserved keywords. */
const RESERVED = new Set(
  `ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE CURRENT
   DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH FOLLOWING FOR FROM FULL
   GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LIKE LIMIT LOOKUP
   MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE
   RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN
   WHERE WINDOW WITH WITHIN`.split(/\s+/),
);

/** Whether the next token can be a name: a quoted name, or a word that is not reserved. */
export function atName(cursor: Cursor, ahead = 0): boolean {
  const token = cursor.peek(ahead);
  return token.kind === "quoted-name" || (token.kind === "word" && !RESERVED.has(token.upper));
}

export function parseName(cursor: Cursor): string {
  if (!atName(cursor)) cursor.unexpected("a name was expected");
  return cursor.next().text;
}

/** A name after a dot, where reserved words are names too. */
export function parseNameAfterDot(cursor: Cursor): string {
  if (!cursor.isKind("word") && !cursor.isKind("quoted-name")) cursor.unexpected("a name was expected");
  return cursor.next().text;
}

/** `AS name`, or the name alone. */
export function parseAlias(cursor: Cursor): string | undefined {
  if (cursor.accept("AS")) return parseName(cursor);
  return atName(cursor) ? parseName(cursor) : undefined;
}

/** `p.d.t` in any quoting; a quoted name is cut at its dots. A project may carry hyphens without quotes. */
export function parseTableName(cursor: Cursor): TableName {
  const at = cursor.at;
  const names = [...nameParts(cursor, true)];
  while (cursor.accept(".")) names.push(...nameParts(cursor, false));
  return { names, at };
}

function nameParts(cursor: Cursor, first: boolean): readonly string[] {
  if (cursor.isKind("quoted-name")) return cursor.next().text.split(".");
  let name = first ? parseName(cursor) : parseNameAfterDot(cursor);
  while (first && cursor.is("-") && touches(cursor)) {
    cursor.next();
    name += `-${cursor.next().text}`;
  }
  return [name];
}

/** Whether the hyphen that comes next has a word directly before and behind it. */
function touches(cursor: Cursor): boolean {
  const before = cursor.peek(-1);
  const after = cursor.peek(1);
  return (
    before.end === cursor.at.offset &&
    after.at.offset === cursor.peek().end &&
    (after.kind === "word" || after.kind === "integer")
  );
}
