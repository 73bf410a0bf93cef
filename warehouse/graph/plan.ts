/** Puts the actions of a compiled graph into an order in which each comes after what it reads. */

import type { ActionTarget, AssertionAction, CompiledGraph, OperationsAction, TableAction } from "./graph.ts";

export type Action =
  | { readonly kind: "table" | "view" | "incremental"; readonly name: string; readonly action: TableAction }
  | { readonly kind: "assertion"; readonly name: string; readonly action: AssertionAction }
  | { readonly kind: "operations"; readonly name: string; readonly action: OperationsAction };

/** `schema.name`, which people know an action by. */
export function nameOf({ schema, name }: ActionTarget): string {
  return `${schema}.${name}`;
}

/**
 * All actions that are not disabled, dependencies first and otherwise in order of name, so that a plan is the same each time.
 * Cycles, doubles and references to nothing do not get here: compiling refuses them.
 */
export function planOf(graph: CompiledGraph): readonly Action[] {
  const actions = actionsOf(graph);
  const byName = new Map(actions.map((one) => [one.name, one]));
  const planned = new Set<Action>();
  const plan = (one: Action) => {
    if (planned.has(one)) return;
    for (const dependency of dependenciesOf(one)) {
      const before = byName.get(dependency);
      if (before !== undefined) plan(before);
    }
    planned.add(one);
  };
  for (const one of actions) plan(one);
  return [...planned];
}

/** Names of what the action reads, sorted. */
export function dependenciesOf({ action }: Action): readonly string[] {
  return (action.dependencyTargets ?? []).map(nameOf).sort();
}

function actionsOf(graph: CompiledGraph): readonly Action[] {
  const actions: Action[] = [
    ...(graph.tables ?? []).map((action) => ({ kind: action.type, name: nameOf(action.target), action })),
    ...(graph.operations ?? []).map(
      (action) => ({ kind: "operations", name: nameOf(action.target), action }) as const,
    ),
    ...(graph.assertions ?? []).map(
      (action) => ({ kind: "assertion", name: nameOf(action.target), action }) as const,
    ),
  ];
  return actions
    .filter(({ action }) => !action.disabled)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}
