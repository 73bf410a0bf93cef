/** The SQL that Dataform runs for an action (its documentation and its command line's source name the statements). */

import { Misconfigured } from "../../core/errors.ts";
import type { ActionTarget, TableAction } from "./graph.ts";
import type { Action } from "./plan.ts";

/** `` `database.schema.name` `` */
export function quoted({ database, schema, name }: ActionTarget): string {
  return `\`${database}.${schema}.${name}\``;
}

/** The script that makes the action's table or view, runs its operations, or makes the assertion's view. */
export function scriptOf({ kind, action }: Action): string {
  switch (kind) {
    case "view":
    case "table":
      return inOrder(
        action,
        `create or replace ${kind} ${quoted(action.target)}${layoutOf(action)} as\n${action.query}`,
      );
    case "incremental":
      throw new Misconfigured([
        `${action.fileName}: incremental models are not run locally yet: expected type "table" or "view"`,
      ]);
    case "assertion":
      return `create or replace view ${quoted(action.target)} as\n${action.query}`;
    case "operations":
      return (action.queries ?? []).join(";\n");
  }
}

function inOrder({ preOps = [], postOps = [] }: TableAction, main: string): string {
  return [...preOps, main, ...postOps].map((statement) => statement.replace(/;\s*$/, "")).join(";\n");
}

function layoutOf({ bigquery }: TableAction): string {
  const partition = bigquery?.partitionBy ? `\npartition by ${bigquery.partitionBy}` : "";
  const cluster = bigquery?.clusterBy?.length ? `\ncluster by ${bigquery.clusterBy.join(", ")}` : "";
  return partition + cluster;
}
