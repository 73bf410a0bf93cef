/** What an expression becomes: DuckDB's SQL, and beside it a witness of the same type. */
import { macroCall, parameterUses } from "../library.ts";

/**
 * `witness` is SQL of the same type without aggregates and windows, which DuckDB cannot type as a macro's argument;
 * it is the same text as `sql` where there is none of them.
 */
export interface Emission {
  readonly sql: string;
  readonly witness: string;
  /** How long the SQL is once DuckDB has put the macros' bodies in place; the length of `sql` where it is not told. */
  readonly expanded?: number;
}

const expandedLength = (emission: Emission): number => emission.expanded ?? emission.sql.length;

/** An emission that is its own witness. */
export function plain(sql: string): Emission {
  return { sql, witness: sql };
}

/** Builds SQL over parts, and its witness over theirs. */
export function compose(parts: readonly Emission[], build: (...texts: string[]) => string): Emission {
  const sql = build(...parts.map((part) => part.sql));
  const grown = parts.reduce((sum, part) => sum + expandedLength(part) - part.sql.length, 0);
  const expanded = sql.length + Math.max(grown, 0);
  const same = parts.every((part) => part.sql === part.witness);
  return { sql, witness: same ? sql : build(...parts.map((part) => part.witness)), expanded };
}

/** A call of a macro of the library; the twin when a value holds an aggregate or a window. */
export function call(name: string, ...values: readonly Emission[]): Emission {
  const witnesses = values.map((value) => value.witness);
  const witness = macroCall(name, witnesses, undefined);
  const copies = parameterUses(name);
  const expanded = values.reduce(
    (sum, value, index) => sum + expandedLength(value) * (1 + (copies[index] ?? 1)),
    0,
  );
  if (values.every((value) => value.sql === value.witness)) return { sql: witness, witness, expanded };
  const sql = macroCall(
    name,
    values.map((value) => value.sql),
    witnesses,
  );
  return { sql, witness, expanded };
}

/** An identifier in double quotes. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text in single quotes. */
export function text(value: string): string {
  // DuckDB reads no escapes in single quotes; a NUL cannot stand in its SQL.
  return value.includes("\0")
    ? `(${value.split("\0").map(text).join(" || chr(0) || ")})`
    : `'${value.replaceAll("'", "''")}'`;
}
