/** Questions to DuckDB's catalog, and the names that BigQuery tells apart and DuckDB does not. */
import { Refused } from "../../core/errors.ts";
import type { Relation, Target } from "../warehouse.ts";
import { text } from "./emitter/emission.ts";

/** Names and types of a table's columns, in order. */
export function columnsQuery({ project, dataset, name }: Target): string {
  return `SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = ${text(project)}
    AND schema_name = ${text(dataset)} AND table_name = ${text(name)} ORDER BY column_index`;
}

/** One row when a table, or a view, of this name exists. */
export function existsQuery(kind: "table" | "view", { project, dataset, name }: Target): string {
  return `SELECT 1 FROM duckdb_${kind}s() WHERE database_name = ${text(project)}
    AND schema_name = ${text(dataset)} AND ${kind}_name = ${text(name)}`;
}

/** The comment on a table, which may be null; no row when there is no table. */
export function commentQuery({ project, dataset, name }: Target): string {
  return `SELECT comment FROM duckdb_tables() WHERE database_name = ${text(project)}
    AND schema_name = ${text(dataset)} AND table_name = ${text(name)}`;
}

/** The definitions of all views. */
export function viewsQuery(project: string): string {
  return `SELECT sql FROM duckdb_views() WHERE database_name = ${text(project)} AND NOT internal`;
}

/** Dataset, name, whether it is a view, and the columns as a JSON text, of every table and view. */
export function relationsQuery(project: string): string {
  return `SELECT c.schema_name, c.table_name, any_value(v.view_name) IS NOT NULL,
      to_json(list(column_name ORDER BY column_index))::VARCHAR
    FROM duckdb_columns() AS c
    LEFT JOIN duckdb_views() AS v
      ON v.database_name = c.database_name AND v.schema_name = c.schema_name AND v.view_name = c.table_name
    WHERE c.database_name = ${text(project)} AND NOT c.internal
    GROUP BY c.schema_name, c.table_name ORDER BY c.schema_name, c.table_name`;
}

export function relationOf(project: string, [dataset, name, isView, columns]: readonly unknown[]): Relation {
  return {
    target: { project, dataset: String(dataset), name: String(name) },
    kind: isView === true ? "view" : "table",
    columns: JSON.parse(String(columns)) as readonly string[],
  };
}

/** Refuses a name that differs from an existing one in case only: BigQuery holds them to be two. */
export function checkCase(reference: Target, relations: readonly Relation[]): void {
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  const near = relations
    .map(({ target }) => target)
    .filter((target) => same(target.dataset, reference.dataset) && same(target.name, reference.name));
  const [other] = near;
  if (other === undefined) return;
  if (near.some((target) => target.dataset === reference.dataset && target.name === reference.name)) return;
  const exists = `${other.dataset}.${other.name}`;
  const problem = `There is no ${reference.dataset}.${reference.name}, but ${exists}: the names differ in case.`;
  throw new Refused("not_found", problem, exists);
}
