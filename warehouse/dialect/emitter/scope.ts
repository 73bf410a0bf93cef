/** What a name can mean at a place of a statement. */

import type { Target } from "../../warehouse.ts";
import type { Expression } from "../tree.ts";

/** A source of a FROM clause. */
export interface Source {
  readonly name: string;
  /** Whether `*` over it is known to give the columns that BigQuery gives. */
  readonly starKnown: boolean;
}

/** A source in sight, with the FROM clause that holds it. */
interface Visible extends Source {
  readonly from: string;
}

export interface Scope {
  readonly project: string;
  readonly dataset: string | undefined;
  /** Names of CTEs, in lower case. */
  readonly named: ReadonlySet<string>;
  /** Sources in sight, those of outer queries included, by name in lower case. */
  readonly sources: ReadonlyMap<string, Visible>;
  /** Names of the sources of the query at hand; those of outer queries are not among them. */
  readonly local: ReadonlySet<string>;
  /** Aliases of the select list, where a clause sees them before columns. */
  readonly aliases: ReadonlyMap<string, Expression>;
  /** Every table and view that the statement names, shared by all scopes of one statement. */
  readonly references: Target[];
}

export function rootScope(project: string, dataset: string | undefined): Scope {
  return {
    project,
    dataset,
    named: new Set(),
    sources: new Map(),
    local: new Set(),
    aliases: new Map(),
    references: [],
  };
}

/** Inside a query whose FROM clause is given: its sources are local, all earlier ones are outer. */
export function inside(scope: Scope, sources: readonly Source[], from: string): Scope {
  const local = new Set(sources.map(({ name }) => name.toLowerCase()));
  return { ...beside(scope, sources, from), local };
}

/** Beside the left side of a join, whose sources are in sight and not local. */
export function beside(scope: Scope, sources: readonly Source[], from: string): Scope {
  const all = new Map(scope.sources);
  for (const source of sources) all.set(source.name.toLowerCase(), { ...source, from });
  return { ...scope, sources: all, local: new Set() };
}

export function withAliases(scope: Scope, aliases: ReadonlyMap<string, Expression>): Scope {
  return { ...scope, aliases };
}

export function withoutAliases(scope: Scope): Scope {
  return scope.aliases.size === 0 ? scope : { ...scope, aliases: new Map() };
}
