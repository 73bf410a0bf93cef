/** MERGE, and the guard that BigQuery has: a target row may be changed by one source row only. */
import type { Write } from "../assignments.ts";
import { Refusal } from "../refusal.ts";
import type { Merge, MergeClause } from "../statement-tree.ts";
import type { Expression } from "../tree.ts";
import { emitAssignments, writeOf } from "./assignments.ts";
import { quoted } from "./emission.ts";
import { emit } from "./expression.ts";
import { emitFrom } from "./from.ts";
import { inside, type Scope } from "./scope.ts";
import type { Emitted } from "./statements.ts";
import { tableSql, targetOf } from "./tables.ts";

export function emitMerge(node: Merge, scope: Scope): Emitted {
  const target = targetOf(node.table, scope);
  const name = node.alias ?? target.name;
  const source = emitFrom(node.source, scope);
  const table = `${tableSql(target)} AS ${quoted(name)}`;
  const both = `${table} CROSS JOIN ${source.sql}`;
  const inner = inside(scope, [{ name, starKnown: true }, ...source.sources], both);
  const on = emit(node.on, inner).sql;
  const place: Place = { name, both, source: source.sql, scope: inner };
  const clauses = node.clauses.map((clause) => emitClause(clause, place));
  const sql = `MERGE INTO ${table} USING ${source.sql} ON ${on} ${clauses.map((clause) => clause.sql).join(" ")}`;
  const writes = clauses.flatMap(({ write }) => (write === undefined ? [] : [write]));
  const matched = node.clauses.filter((clause) => clause.matched === "MATCHED");
  const conditions = matched.map(({ condition }) =>
    condition === undefined ? "true" : emit(condition, inner).sql,
  );
  const where = `${on} AND (${conditions.join(" OR ")})`;
  const guards = matched.length === 0 ? [] : [emitUpdateGuard(table, name, source.sql, where)];
  return { kind: "dml", sql: [sql], guards, writes, target };
}

/** Fails when one row of the target meets several rows of the source; DuckDB alone would take the last of them. */
export function emitUpdateGuard(table: string, name: string, source: string, where: string): string {
  const count = `SELECT count(*) AS n FROM ${table} CROSS JOIN ${source} WHERE ${where} GROUP BY ${quoted(name)}.rowid`;
  const problem = "UPDATE/MERGE must match at most one source row for each target row";
  return `SELECT CASE WHEN max(n) > 1 THEN error('${problem}') END FROM (${count})`;
}

/** Where a clause stands: the target's alias, both sides, the source alone, and what names mean. */
interface Place {
  readonly name: string;
  readonly both: string;
  readonly source: string;
  readonly scope: Scope;
}

interface Action {
  readonly sql: string;
  readonly write?: Write;
}

function emitClause(clause: MergeClause, place: Place): Action {
  const condition = clause.condition === undefined ? "" : ` AND ${emit(clause.condition, place.scope).sql}`;
  const action = emitAction(clause, place);
  return { ...action, sql: `WHEN ${clause.matched}${condition} THEN ${action.sql}` };
}

function emitAction({ action, at }: MergeClause, place: Place): Action {
  switch (action.kind) {
    case "delete":
      return { sql: "DELETE" };
    case "update": {
      const { sets, write } = emitAssignments(action.assignments, place.name, place.both, place.scope);
      return { sql: `UPDATE SET ${sets}`, write };
    }
    case "insert":
      return emitInsert(action.columns, action.values, place);
    case "insert-row":
      throw new Refusal("INSERT ROW", at, "Write the columns and values out.");
  }
}

function emitInsert(columns: readonly string[], nodes: readonly Expression[], place: Place): Action {
  const values = nodes.map((value) => ({ value, sql: emit(value, place.scope).sql }));
  const list = columns.length === 0 ? "" : ` (${columns.map(quoted).join(", ")})`;
  return {
    sql: `INSERT${list} VALUES (${values.map(({ sql }) => sql).join(", ")})`,
    write: writeOf(columns.length === 0 ? undefined : columns, values, place.source),
  };
}
