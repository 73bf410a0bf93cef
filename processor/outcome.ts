/** Outcomes: what became of an image under a recipe. `outcome.json` is written last and once, and is the raw row itself. */

import { Unavailable } from "../core/errors.ts";
import { sha256 } from "../core/ids.ts";
import type { Row } from "../core/rows.ts";
import type { Lake } from "../lake/lake.ts";
import { outcomeKey, rejectedKey, renditionKey } from "../lake/layout.ts";
import { readOutcome, shortened, toMetadata } from "../lake/records.ts";
import type { Developed, Processor, Recipe } from "./processor.ts";

export interface Original {
  readonly record: Row<"image_received">;
  readonly bytes: Buffer;
}

export type Outcome = Row<"image_processed"> & { readonly status: "processed" | "rejected" | "failed" };

export interface Attempt {
  readonly recipe: Recipe;
  readonly processor: Processor;
  readonly attempt: number;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly durationMs: number;
}

export type Result =
  | { readonly status: "processed"; readonly developed: Developed }
  | { readonly status: "rejected" | "failed"; readonly reason: string; readonly message: string };

/** False for a failure that another attempt may mend. */
export function isFinal(outcome: Outcome, maxAttempts: number): boolean {
  return outcome.status !== "failed" || outcome.attempts >= maxAttempts;
}

/**
 * Writes the renditions and then the outcome; a failure that is not final writes nothing. Gives back the outcome that is in
 * the lake: the first one, when another worker was faster.
 */
export async function writeOutcome(
  lake: Lake,
  original: Original,
  attempt: Attempt,
  result: Result,
  maxAttempts: number,
): Promise<Outcome> {
  const described = describe(original, attempt, result);
  if (!isFinal(described, maxAttempts)) return described;
  const renditions =
    result.status === "processed"
      ? await writeRenditions(lake, described, result.developed)
      : described.renditions;
  const outcome = { ...described, renditions };
  const key = outcomeKey(outcome.image_id, attempt.recipe);
  const { isCreated } = await lake.create(key, Buffer.from(JSON.stringify(outcome)));
  if (isCreated) return outcome;
  const first = await outcomeIn(lake, outcome.image_id, attempt.recipe);
  if (first === undefined) throw new Unavailable(`${key} was removed while it was being written`);
  return first;
}

/** The outcome of an image under a recipe, or undefined. Throws `Refused` (`damaged_outcome`) when it is none. */
export async function outcomeIn(lake: Lake, imageId: string, recipe: Recipe): Promise<Outcome | undefined> {
  return (await readOutcome(lake, outcomeKey(imageId, recipe))) as Outcome | undefined;
}

/** The renditions as they lie in the lake: one that a killed worker had written before stays as it is. */
function writeRenditions(
  lake: Lake,
  outcome: Outcome,
  { renditions }: Developed,
): Promise<Outcome["renditions"]> {
  return Promise.all(
    outcome.renditions.map(async (described, index) => {
      const { object } = await lake.create(described.key, renditions[index]?.bytes ?? new Uint8Array());
      return { ...described, size_bytes: object.sizeBytes };
    }),
  );
}

/** What the processor refused is kept where all refused things are, so that operators look in one place; may be repeated. */
export async function keepRejected(lake: Lake, { record, bytes }: Original, outcome: Outcome): Promise<void> {
  const refusal: Row<"image_rejected"> = {
    event_id: record.image_id,
    stage: "processor",
    customer_id: record.customer_id,
    source: record.source,
    source_ref: record.source_ref,
    rejected_at: outcome.processed_at,
    reason: outcome.reason ?? "rejected",
    message: outcome.message,
    declared_type: record.declared_type,
    file_name: record.file_name,
    size_bytes: record.size_bytes,
    content_sha256: record.content_sha256,
  };
  await lake.create(rejectedKey(record.image_id), bytes, toMetadata(shortened<"image_rejected">(refusal)));
}

function describe({ record, bytes }: Original, attempt: Attempt, result: Result): Outcome {
  const { recipe, processor } = attempt;
  return {
    event_id: `${record.image_id}/${recipe.name}-v${recipe.version}`,
    image_id: record.image_id,
    customer_id: record.customer_id,
    recipe: recipe.name,
    recipe_version: recipe.version,
    status: result.status,
    reason: result.status === "processed" ? null : result.reason,
    message: result.status === "processed" ? null : result.message,
    attempts: attempt.attempt,
    started_at: attempt.startedAt.toISOString(),
    processed_at: attempt.endedAt.toISOString(),
    duration_ms: Math.round(attempt.durationMs * 1000) / 1000,
    processor: processor.name,
    processor_version: processor.version,
    content_sha256: sha256(bytes),
    labels: [],
    ...factsOf(result),
    renditions: result.status === "processed" ? renditionsOf(record.image_id, recipe, result.developed) : [],
  };
}

function factsOf(result: Result) {
  const facts = result.status === "processed" ? result.developed.facts : undefined;
  return {
    format: facts?.format ?? null,
    width_px: facts?.widthPx ?? null,
    height_px: facts?.heightPx ?? null,
    colour_space: facts?.colourSpace ?? null,
    has_alpha: facts?.hasAlpha ?? null,
    frames: facts?.frames ?? null,
    orientation: facts?.orientation ?? null,
    capture_time_local: facts?.captureTimeLocal ?? null,
    perceptual_hash: facts?.perceptualHash ?? null,
  };
}

function renditionsOf(imageId: string, recipe: Recipe, { renditions }: Developed) {
  return renditions.map((rendition) => ({
    name: rendition.name,
    key: renditionKey(imageId, recipe, rendition.fileName),
    media_type: rendition.mediaType,
    width_px: rendition.widthPx,
    height_px: rendition.heightPx,
    size_bytes: rendition.bytes.length,
  }));
}
