/** Runs a compiled graph on a warehouse: each action as one unit, in order; what depends on a failed one is skipped. */

import { type Clock, systemClock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { QueryResult, Warehouse } from "../warehouse.ts";
import type { CompiledGraph } from "./graph.ts";
import { type Action, dependenciesOf, planOf } from "./plan.ts";
import { quoted, scriptOf } from "./scripts.ts";

export interface ActionResult {
  /** `schema.name` */
  readonly name: string;
  readonly kind: Action["kind"];
  readonly outcome: "done" | "failed" | "skipped";
  /** Rows of the table, or rows that an assertion found; null for views and operations. */
  readonly rows: number | null;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly bytesBilled: number;
  /** Why it failed or was skipped. */
  readonly message: string | null;
}

export interface RunSummary {
  readonly actions: readonly ActionResult[];
  /** Tables and views made. */
  readonly models: number;
  readonly modelsFailed: number;
  readonly assertions: number;
  readonly assertionsFailed: number;
  readonly durationMs: number;
}

export interface RunOptions {
  readonly clock?: Clock;
  readonly onAction?: (result: ActionResult, done: number, total: number) => void;
}

/** How many offending rows an assertion shows. */
const shownRows = 3;

/** Runs every action once; a failing action is a result, not an error. */
export async function runGraph(
  graph: CompiledGraph,
  warehouse: Warehouse,
  { clock = systemClock, onAction }: RunOptions = {},
): Promise<RunSummary> {
  const startedMs = clock.elapsedMs();
  const plan = planOf(graph);
  await makeSchemas(plan, warehouse);
  const notDone = new Map<string, string>();
  const results: ActionResult[] = [];
  for (const action of plan) {
    const startedAt = clock.now();
    const actionMs = clock.elapsedMs();
    const ended = await runAction(action, warehouse, notDone);
    if (ended.outcome !== "done") notDone.set(action.name, ended.outcome);
    const result = {
      name: action.name,
      kind: action.kind,
      ...ended,
      startedAt,
      durationMs: clock.elapsedMs() - actionMs,
    };
    results.push(result);
    onAction?.(result, results.length, plan.length);
  }
  return { ...countsOf(results), actions: results, durationMs: clock.elapsedMs() - startedMs };
}

type Ended = Pick<ActionResult, "outcome" | "rows" | "bytesBilled" | "message">;

async function runAction(
  action: Action,
  warehouse: Warehouse,
  notDone: ReadonlyMap<string, string>,
): Promise<Ended> {
  const missing = dependenciesOf(action).find((name) => notDone.has(name));
  if (missing !== undefined) {
    const message = `${missing}, which it reads, ${notDone.get(missing)}`;
    return { outcome: "skipped", rows: null, bytesBilled: 0, message };
  }
  try {
    const kind = action.kind === "assertion" ? "assertion" : "model";
    const { rows, bytesBilled } = await warehouse.execute(scriptOf(action), { kind, name: action.name });
    if (kind === "assertion") {
      const checked = await checkAssertion(action, warehouse);
      return { ...checked, bytesBilled: checked.bytesBilled + bytesBilled };
    }
    return { outcome: "done", rows: action.kind === "table" ? rows : null, bytesBilled, message: null };
  } catch (error) {
    return { outcome: "failed", rows: null, bytesBilled: 0, message: messageOf(error) };
  }
}

async function checkAssertion({ action }: Action, warehouse: Warehouse): Promise<Ended> {
  const relation = quoted(action.target);
  const counted = await warehouse.query(`select count(*) as row_count from ${relation}`);
  const rows = Number(counted.rows[0]?.row_count ?? 0);
  if (rows === 0) return { outcome: "done", rows, bytesBilled: counted.bytesBilled, message: null };
  const offending = await warehouse.query(`select * from ${relation} limit ${shownRows}`);
  const bytesBilled = counted.bytesBilled + offending.bytesBilled;
  return { outcome: "failed", rows, bytesBilled, message: describe(offending, rows) };
}

function describe({ rows }: QueryResult, count: number): string {
  const shown = rows.map((row) => JSON.stringify(row)).join("\n  ");
  return `${count} ${count === 1 ? "row does" : "rows do"} not hold; the first:\n  ${shown}`;
}

async function makeSchemas(plan: readonly Action[], warehouse: Warehouse): Promise<void> {
  const schemas = new Set(plan.map(({ action }) => `\`${action.target.database}.${action.target.schema}\``));
  for (const schema of schemas) await warehouse.execute(`create schema if not exists ${schema}`);
}

function countsOf(results: readonly ActionResult[]): Omit<RunSummary, "actions" | "durationMs"> {
  const assertions = results.filter(({ kind }) => kind === "assertion");
  const models = results.filter(({ kind }) => kind !== "assertion");
  return {
    models: models.filter(({ outcome }) => outcome === "done").length,
    modelsFailed: models.filter(({ outcome }) => outcome !== "done").length,
    assertions: assertions.length,
    assertionsFailed: assertions.filter(({ outcome }) => outcome !== "done").length,
  };
}
