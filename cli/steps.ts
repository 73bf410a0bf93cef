/** The steps of the pipeline as commands use them, with their progress: work, load, run, count. */

import { tables } from "../core/rows.ts";
import { type LoadOptions, type LoadSummary, load, rawDataset } from "../loaders/raw/load.ts";
import { type WorkSummary, work } from "../processor/worker.ts";
import { planOf } from "../warehouse/graph/plan.ts";
import { type RunSummary, runGraph } from "../warehouse/graph/run.ts";
import type { Run } from "./command.ts";
import type { Output } from "./output.ts";
import { loadRecord, modelRecord, runRecorder } from "./run-records.ts";
import { compileModels } from "./wiring.ts";

/** Works on everything that waits, then ends. */
export async function workUntilIdle({ platform, output, signal }: Run): Promise<WorkSummary> {
  const progress = output.progress("work", (await platform.arrivals.waiting()) ?? 0);
  const summary = await work(await platform.worker(), {
    signal,
    untilIdle: true,
    onDone: (state) => progress.update(doneOf(state)),
  });
  progress.end();
  return summary;
}

/** Loads every segment that is not loaded, and notes what was loaded as runs of the pipeline. */
export async function loadSegments(
  { platform }: Pick<Run, "platform">,
  options: LoadOptions = {},
): Promise<LoadSummary> {
  const recorder = runRecorder(platform);
  const env = { ...platform, warehouse: await platform.warehouse() };
  try {
    return await load(env, {
      ...options,
      onTable: (loaded) => {
        if (loaded.table !== "pipeline_run") recorder.add(loadRecord(loaded));
      },
    });
  } finally {
    // Also when a table could not be loaded: the others were, and were paid for.
    await recorder.write();
  }
}

/** Compiles the project and runs every model and assertion. */
export async function runModels({ platform, output }: Pick<Run, "platform" | "output">): Promise<RunSummary> {
  const warehouse = await platform.warehouse();
  const graph = await compileModels(warehouse);
  const recorder = runRecorder(platform);
  // Models over tables that nothing was loaded into yet are empty, not broken.
  await warehouse.ensureTables(rawDataset, tables);
  const progress = output.progress("run", planOf(graph).length);
  const summary = await runGraph(graph, warehouse, {
    clock: platform.clock,
    onAction: (result, done) => {
      progress.update(done, result.name);
      recorder.add(modelRecord(result));
    },
  });
  progress.end();
  await recorder.write();
  platform.metrics.modelRuns.inc({ result: isInOrder(summary) ? "done" : "failed" });
  describeFaults(summary, output);
  return summary;
}

/** True when every model was made and every assertion holds. */
export function isInOrder({ modelsFailed, assertionsFailed }: RunSummary): boolean {
  return modelsFailed === 0 && assertionsFailed === 0;
}

/** What an image can be counted as: received is the sum of the others. */
export const imageCountNames = ["received", "processed", "rejected", "failed", "pending"] as const;

export type ImageCounts = Readonly<Record<(typeof imageCountNames)[number], number>>;

/** Counts by these names, each made by `count`. */
export function imageCounts(count: (name: keyof ImageCounts) => number): ImageCounts {
  return Object.fromEntries(imageCountNames.map((name) => [name, count(name)])) as Record<
    keyof ImageCounts,
    number
  >;
}

/** All images by what became of them, from the modelled tables. */
export async function countImages({ platform }: Pick<Run, "platform">): Promise<ImageCounts> {
  const sums = imageCountNames.map((name) => `coalesce(sum(images_${name}), 0) as ${name}`).join(", ");
  const warehouse = await platform.warehouse();
  const { rows } = await warehouse.query(
    `select ${sums} from \`${warehouse.project}.reporting.rpt_images_by_customer\``,
  );
  return imageCounts((name) => Number(rows[0]?.[name] ?? 0));
}

/** Arrivals that are done with. */
export function doneOf({ processed, rejected, failed, refused }: WorkSummary): number {
  return processed + rejected + failed + refused;
}

/** Each failed action with its reason; what was skipped because of them only as a number, since it says nothing new. */
function describeFaults({ actions }: RunSummary, output: Output): void {
  for (const { name, kind, outcome, message } of actions) {
    if (outcome === "failed") output.note(`${kind} ${name} failed: ${message}`);
  }
  const skipped = actions.filter(({ outcome }) => outcome === "skipped").length;
  if (skipped > 0) output.note(`${skipped} more were skipped because they read what failed`);
}
