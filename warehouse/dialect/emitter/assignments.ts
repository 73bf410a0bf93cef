/** SET clauses of UPDATE and MERGE, with the query that tells the types of their values. */
import { isLiteral, type Write } from "../assignments.ts";
import { Refusal } from "../refusal.ts";
import type { Assignment } from "../statement-tree.ts";
import type { Expression } from "../tree.ts";
import { quoted } from "./emission.ts";
import { emit } from "./expression.ts";
import type { Scope } from "./scope.ts";

/** `sets` for the statement, and the same values selected from `from`. */
export function emitAssignments(
  assignments: readonly Assignment[],
  table: string,
  from: string,
  scope: Scope,
): { readonly sets: string; readonly write: Write } {
  const values = assignments.map(({ qualifier, column, value, at }) => {
    if (qualifier !== undefined && qualifier.toLowerCase() !== table.toLowerCase()) {
      throw new Refusal("SET of a field inside a column", at, "Set the whole column.");
    }
    return { column, value, sql: emit(value, scope).sql };
  });
  const sets = values.map(({ column, sql }) => `${quoted(column)} = ${sql}`).join(", ");
  const columns = values.map(({ column }) => column);
  return { sets, write: writeOf(columns, values, from) };
}

/** The values as a query, so that their types can be asked for. */
export function writeOf(
  columns: readonly string[] | undefined,
  values: readonly { readonly value: Expression; readonly sql: string }[],
  from: string,
): Write {
  const query = `SELECT ${values.map(({ sql }, index) => `${sql} AS v${index}`).join(", ")} FROM ${from}`;
  return { columns, literal: values.map(({ value }) => isLiteral(value)), query };
}
