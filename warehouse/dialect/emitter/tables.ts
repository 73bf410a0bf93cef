/** Full names of tables: project, dataset, name; DuckDB's catalog, schema, table. */
import type { Target } from "../../warehouse.ts";
import { Refusal } from "../refusal.ts";
import type { TableName } from "../statement-tree.ts";
import { quoted } from "./emission.ts";
import type { Scope } from "./scope.ts";

/** The table that a name means; it is also noted as a reference of the statement. */
export function targetOf(table: TableName, scope: Scope): Target {
  const { names, at } = table;
  if (names.some((name) => /information_schema/i.test(name))) throw new Refusal("INFORMATION_SCHEMA", at);
  if (names.some((name) => name.includes("*"))) throw new Refusal("A wildcard table", at);
  if (
    names.some((name) => name.includes("$") || !/^[\p{L}\p{M}\p{N}\p{Pc}\p{Pd} :]+$/u.test(name)) ||
    names.length > 3
  ) {
    throw new Refusal(`The table name ${names.join(".")}`, at);
  }
  const [name = "", dataset = scope.dataset, project = scope.project] = names.toReversed();
  if (dataset === undefined) {
    throw new Refusal(`The table ${name} without a dataset`, at, `Write dataset.${name}.`);
  }
  const target = { project, dataset, name };
  scope.references.push(target);
  return target;
}

export function tableSql(target: Target): string {
  return [target.project, target.dataset, target.name].map(quoted).join(".");
}
