/** DROP, TRUNCATE, and the part of ALTER TABLE that has a meaning here. */
import type { Statement } from "../statement-tree.ts";
import { parseColumn } from "./create.ts";
import type { Cursor } from "./cursor.ts";
import { parseName, parseTableName } from "./names.ts";

export function parseDrop(cursor: Cursor): Statement {
  const at = cursor.at;
  cursor.expect("DROP");
  const what = cursor.acceptAny(["TABLE", "VIEW", "SCHEMA"]);
  if (what === undefined || cursor.is("FUNCTION")) cursor.refuse(`DROP ${cursor.peek().upper}`);
  const ifExists = cursor.accept("IF", "EXISTS");
  const table = parseTableName(cursor);
  const cascade = cursor.acceptAny(["CASCADE", "RESTRICT"]) === "CASCADE";
  return { kind: "drop", what, table, ifExists, cascade, at };
}

export function parseTruncate(cursor: Cursor): Statement {
  const at = cursor.at;
  cursor.expect("TRUNCATE", "TABLE");
  return { kind: "truncate", table: parseTableName(cursor), at };
}

export function parseAlter(cursor: Cursor): Statement {
  const at = cursor.at;
  cursor.expect("ALTER");
  if (!cursor.accept("TABLE")) cursor.refuse(`ALTER ${cursor.peek().upper}`);
  if (cursor.is("IF")) cursor.refuse("ALTER TABLE IF EXISTS");
  const table = parseTableName(cursor);
  if (cursor.is("DROP", "COLUMN")) return { kind: "drop-columns", table, columns: parseDropped(cursor), at };
  const columns = cursor.list(() => {
    if (!cursor.accept("ADD", "COLUMN")) cursor.refuse(`ALTER TABLE … ${cursor.peek().upper}`);
    const ifNotExists = cursor.accept("IF", "NOT", "EXISTS");
    return { ifNotExists, definition: parseColumn(cursor) };
  });
  return { kind: "add-columns", table, columns, at };
}

function parseDropped(cursor: Cursor): readonly { name: string; ifExists: boolean }[] {
  return cursor.list(() => {
    cursor.expect("DROP", "COLUMN");
    const ifExists = cursor.accept("IF", "EXISTS");
    return { ifExists, name: parseName(cursor) };
  });
}
