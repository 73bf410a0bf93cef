/** Puts the actions of a compiled graph into an order in which each comes after what it reads. */

import { Misconfigured } from "../../core/errors.ts";
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
 * All actions that are not disabled, dependencies first; among those that are ready, in order of name, so that a plan is the same
 * each time. Throws `Misconfigured` for a cycle, two actions of one name, and references to nothing.
 */
export function planOf(graph: CompiledGraph): readonly Action[] {
  const actions = actionsOf(graph);
  const byName = new Map(actions.map((one) => [one.name, one]));
  const declared = new Set((graph.declarations ?? []).map(({ target }) => nameOf(target)));
  const problems = [...doubles(actions), ...missing(actions, byName, declared)];
  if (problems.length > 0) throw new Misconfigured(problems);

  const planned: Action[] = [];
  const state = new Map<string, "visiting" | "planned">();
  const visit = (one: Action, path: readonly string[]) => {
    if (state.get(one.name) === "planned") return;
    if (state.get(one.name) === "visiting") {
      throw new Misconfigured([
        `the models depend on each other in a cycle: ${[...path, one.name].join(" → ")}`,
      ]);
    }
    state.set(one.name, "visiting");
    for (const dependency of dependenciesOf(one)) {
      const before = byName.get(dependency);
      if (before !== undefined) visit(before, [...path, one.name]);
    }
    state.set(one.name, "planned");
    planned.push(one);
  };
  for (const one of actions) visit(one, []);
  return planned;
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

function doubles(actions: readonly Action[]): readonly string[] {
  const names = actions.map(({ name }) => name);
  return names
    .filter((name, index) => names.indexOf(name) < index)
    .map((name) => `${name} is the name of two actions: expected one`);
}

function missing(
  actions: readonly Action[],
  byName: ReadonlyMap<string, Action>,
  declared: ReadonlySet<string>,
): readonly string[] {
  return actions.flatMap((one) =>
    dependenciesOf(one)
      .filter((name) => !byName.has(name) && !declared.has(name))
      .map(
        (name) => `${one.action.fileName}: ${one.name} reads ${name}, which is neither a model nor declared`,
      ),
  );
}
