/** `darkroom reconcile`: finds in the lake what no notification told, and repairs it. */

import type { Command } from "commander";
import {
  idOfKey,
  incoming,
  isImageId,
  originalKey,
  originals,
  outcomeKey,
  refusalKey,
  rejected,
} from "../../lake/layout.ts";
import { standardRecipe } from "../../processor/recipe.ts";
import { command, execute, type Run } from "../command.ts";
import { loadSegments, workUntilIdle } from "../steps.ts";

interface Findings {
  originals: number;
  refusals: number;
  /** Direct uploads that were neither accepted nor refused. */
  notTakenIn: number;
  /** Originals without an outcome. */
  unprocessed: number;
  /** In the lake and not in their raw tables. */
  unrecorded: number;
  /** Rows whose object is not in the lake. */
  withoutObject: number;
}

export function reconcileCommand(): Command {
  return command("reconcile", "compare the lake with outcomes and raw tables, and mend what is missing")
    .option("--check", "only look: end with 1 when something is missing")
    .action((options: { readonly check?: boolean; readonly json?: boolean }) =>
      execute(options, async (run) => {
        if (!options.check) await run.platform.customers.publishAll();
        await loadSegments(run, { isFull: true });
        const before = await compare(run, !options.check);
        const isMissing = missingIn(before) > 0;
        if (isMissing && !options.check) {
          await workUntilIdle(run);
          await loadSegments(run);
        }
        const after = isMissing && !options.check ? await compare(run, false) : before;
        describe(run, before, after);
        return missingIn(after) + after.withoutObject === 0;
      }),
    );
}

/** What the worker and the loader can mend. */
function missingIn({ notTakenIn, unprocessed, unrecorded }: Findings): number {
  return notTakenIn + unprocessed + unrecorded;
}

/** Looks at every original, refusal and direct upload; with `announce`, what is missing is told to the worker again. */
async function compare({ platform, output }: Run, announce: boolean): Promise<Findings> {
  const received = await idsOf(platform, "image_received", "image_id");
  const processed = await idsOf(platform, "image_processed", "image_id");
  // What was refused by a loader, or is only noted beside its outcome, has no object of its own.
  const refused = await idsOf(
    platform,
    "image_rejected",
    "event_id",
    " where stage in ('door', 'processor')",
  );
  const findings: Findings = {
    originals: 0,
    refusals: 0,
    notTakenIn: await countUploads(platform, announce),
    unprocessed: 0,
    unrecorded: 0,
    withoutObject: 0,
  };
  const progress = output.progress("reconcile", received.size + refused.size);
  for await (const key of platform.images.list({ prefix: originals })) {
    const imageId = idOfKey(key);
    if (!isImageId(imageId) || key !== originalKey(imageId)) {
      output.note(`${key} is no original: no door put it there`);
      continue;
    }
    findings.originals += 1;
    const isReceived = received.delete(imageId);
    const isRecorded = processed.delete(imageId) && isReceived;
    const isProcessed = (await platform.images.stat(outcomeKey(imageId, standardRecipe))) !== undefined;
    if (!isProcessed) findings.unprocessed += 1;
    else if (!isRecorded) findings.unrecorded += 1;
    if (announce && !(isProcessed && isRecorded)) await platform.arrivals.announce(key);
    progress.update(findings.originals);
  }
  for await (const key of platform.images.list({ prefix: rejected })) {
    findings.refusals += 1;
    if (refused.delete(idOfKey(key))) continue;
    findings.unrecorded += 1;
    if (announce) await platform.arrivals.announce(key);
  }
  progress.end();
  return { ...findings, withoutObject: new Set([...received, ...processed]).size + refused.size };
}

/** Direct uploads that nobody has looked at: their notice was lost, or waits. */
async function countUploads(
  { images, uploads, arrivals }: Run["platform"],
  announce: boolean,
): Promise<number> {
  if (uploads === undefined) return 0;
  let count = 0;
  for await (const key of uploads.list({ prefix: incoming })) {
    const imageId = idOfKey(key);
    const isDone = (await images.stat(originalKey(imageId))) ?? (await uploads.stat(refusalKey(imageId)));
    if (isDone !== undefined) continue;
    count += 1;
    if (announce) await arrivals.announce(key);
  }
  return count;
}

async function idsOf(
  platform: Run["platform"],
  table: string,
  column: string,
  condition = "",
): Promise<Set<string>> {
  const warehouse = await platform.warehouse();
  const sql = `select distinct ${column} as id from \`${warehouse.project}.raw.${table}\`${condition}`;
  return new Set((await warehouse.query(sql)).rows.map(({ id }) => String(id)));
}

function describe({ output }: Run, before: Findings, after: Findings): void {
  output.line(`${before.originals} originals and ${before.refusals} refusals in the lake.`);
  if (before.notTakenIn > 0)
    output.line(`direct uploads not taken in: ${before.notTakenIn} found, ${after.notTakenIn} left.`);
  output.line(`without an outcome: ${before.unprocessed} found, ${after.unprocessed} left.`);
  output.line(`without a row: ${before.unrecorded} found, ${after.unrecorded} left.`);
  output.line(`rows without an object: ${after.withoutObject}.`);
  output.json({
    originals: before.originals,
    refusals: before.refusals,
    not_taken_in: { found: before.notTakenIn, left: after.notTakenIn },
    unprocessed: { found: before.unprocessed, left: after.unprocessed },
    unrecorded: { found: before.unrecorded, left: after.unrecorded },
    rows_without_object: after.withoutObject,
  });
}
