/** The worker: takes arrivals, makes sure of an outcome for each, and puts their records into segments. */

import { type Budget, createBudget } from "../core/budget.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf, Refused } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Metrics } from "../core/metrics.ts";
import type { Row } from "../core/rows.ts";
import type { Arrival, Arrivals, ReceiveOptions } from "../lake/arrivals.ts";
import { type Lake, readWhole } from "../lake/lake.ts";
import { rejected } from "../lake/layout.ts";
import { recordOf } from "../lake/records.ts";
import type { SegmentWriter } from "../lake/segments.ts";
import { isFinal, keepRejected, type Original, type Outcome, outcomeIn, writeOutcome } from "./outcome.ts";
import type { Processor, Recipe } from "./processor.ts";

export interface WorkerEnvironment {
  readonly lake: Lake;
  readonly arrivals: Arrivals;
  readonly processor: Processor;
  readonly recipe: Recipe;
  readonly segments: SegmentWriter;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Images in the processor at a time. */
  readonly concurrency: number;
  /** After so many attempts a failure is final. */
  readonly maxAttempts: number;
}

/** What one call of `work` did; an image counts when its arrival was acknowledged. */
export interface WorkSummary {
  processed: number;
  rejected: number;
  failed: number;
  /** What a door had refused and is now recorded. */
  refused: number;
  /** Attempts that will be made again. */
  givenBack: number;
  /** Objects that did not come in through a door, or are gone. */
  leftAlone: number;
}

/** Arrivals whose records wait for their segment; a bound of memory, far above what one segment holds. */
const maxUnacknowledged = 10_000;

/**
 * Works until the signal aborts (what is in flight is finished first) or, with `untilIdle`, until nothing waits.
 * `onDone` is told after each acknowledged arrival.
 */
export async function work(
  env: WorkerEnvironment,
  options: ReceiveOptions & { readonly onDone?: (summary: WorkSummary) => void },
): Promise<WorkSummary> {
  const summary: WorkSummary = {
    processed: 0,
    rejected: 0,
    failed: 0,
    refused: 0,
    givenBack: 0,
    leftAlone: 0,
  };
  const slots = createBudget(env.concurrency);
  const unacknowledged = createBudget(maxUnacknowledged);
  for await (const arrival of env.arrivals.receive(options)) {
    const forget = await unacknowledged.take();
    const freeSlot = await slots.take();
    handle(env, arrival, freeSlot)
      .then((result) => {
        summary[result] += 1;
        options.onDone?.(summary);
      })
      .catch(async (error) => {
        summary[error instanceof Refused ? "leftAlone" : "givenBack"] += 1;
        await giveBack(env, arrival, error).catch(() => undefined);
      })
      .finally(() => {
        freeSlot();
        forget();
      });
  }
  await finish(env, slots, unacknowledged);
  return summary;
}

async function finish(env: WorkerEnvironment, slots: Budget, unacknowledged: Budget): Promise<void> {
  await slots.whenFree();
  await env.segments.flush();
  await unacknowledged.whenFree();
}

function handle(env: WorkerEnvironment, arrival: Arrival, freeSlot: () => void): Promise<keyof WorkSummary> {
  return arrival.key.startsWith(rejected)
    ? recordRefusal(env, arrival, freeSlot)
    : processArrival(env, arrival, freeSlot);
}

/** The way of an image: the slot is free again once the outcome is in the lake; the acknowledgement is last. */
async function processArrival(
  env: WorkerEnvironment,
  arrival: Arrival,
  freeSlot: () => void,
): Promise<keyof WorkSummary> {
  const done = await ensureOutcome(env, arrival);
  freeSlot();
  if (done === undefined) return skip(arrival);
  if (!done.isFinal) {
    await done.received;
    return retryLater(env, arrival, done.outcome);
  }
  await Promise.all([done.received, env.segments.append("image_processed", [done.outcome])]);
  await arrival.acknowledge();
  return done.outcome.status;
}

/** A function of its own so that the image's bytes are free while its records wait for their segment. */
async function ensureOutcome(env: WorkerEnvironment, arrival: Arrival): Promise<Done | undefined> {
  const original = await readOriginal(env, arrival);
  if (original === undefined) return undefined;
  const { record } = original;
  const received = env.segments.append("image_received", [record]);
  received.catch(() => undefined);
  const first = await outcomeIn(env.lake, record.image_id, env.recipe);
  const outcome = first ?? (await develop(env, original, arrival.attempt));
  if (outcome.status === "rejected") await keepRejected(env.lake, original, outcome);
  // Whatever lies in the lake is final, also when more attempts are allowed today than then.
  return { received, outcome, isFinal: first !== undefined || isFinal(outcome, env.maxAttempts) };
}

interface Done {
  /** Resolves when the received record is in a segment. */
  readonly received: Promise<void>;
  readonly outcome: Outcome;
  /** False for a failure that another attempt may mend; nothing of it is in the lake. */
  readonly isFinal: boolean;
}

async function recordRefusal(
  env: WorkerEnvironment,
  arrival: Arrival,
  freeSlot: () => void,
): Promise<keyof WorkSummary> {
  const object = await env.lake.stat(arrival.key);
  if (object === undefined) return skip(arrival);
  freeSlot();
  const record = recordOf("image_rejected", object);
  await env.segments.append("image_rejected", [record]);
  await arrival.acknowledge();
  return "refused";
}

async function readOriginal(env: WorkerEnvironment, arrival: Arrival): Promise<Original | undefined> {
  const found = await readWhole(env.lake, arrival.key);
  return found && { record: recordOf("image_received", found.object), bytes: found.bytes };
}

/** Runs the processor; whatever it says becomes an outcome, and a final one is written. */
async function develop(env: WorkerEnvironment, original: Original, attempt: number): Promise<Outcome> {
  const startedAt = env.clock.now();
  const startedMs = env.clock.elapsedMs();
  const attempted = { recipe: env.recipe, processor: env.processor, attempt, startedAt };
  const since = () => ({ endedAt: env.clock.now(), durationMs: env.clock.elapsedMs() - startedMs });
  const result = await attemptOnce(env, original, attempt);
  const outcome = await writeOutcome(
    env.lake,
    original,
    { ...attempted, ...since() },
    result,
    env.maxAttempts,
  );
  env.metrics.processingSeconds.observe(since().durationMs / 1000);
  if (isFinal(outcome, env.maxAttempts)) env.metrics.outcomes.inc({ status: outcome.status });
  return outcome;
}

async function attemptOnce(env: WorkerEnvironment, original: Original, attempt: number) {
  // The count survives a dead worker: an image that kills its worker each time must not do so for ever.
  if (attempt > env.maxAttempts) {
    const message = `given up after ${env.maxAttempts} attempts that ended without an answer`;
    return { status: "failed", reason: "attempts_exhausted", message } as const;
  }
  try {
    return {
      status: "processed",
      developed: await env.processor.process(original.bytes, env.recipe),
    } as const;
  } catch (error) {
    if (error instanceof Refused) {
      return { status: "rejected", reason: error.reason, message: error.message } as const;
    }
    env.log.warn(
      { imageId: original.record.image_id, attempt, error: messageOf(error) },
      "processing failed",
    );
    return { status: "failed", reason: "processor_failed", message: messageOf(error) } as const;
  }
}

async function retryLater(env: WorkerEnvironment, arrival: Arrival, outcome: Row<"image_processed">) {
  env.log.debug({ key: arrival.key, reason: outcome.reason }, "given back");
  await arrival.giveBack(backoffMs(arrival.attempt));
  return "givenBack" as const;
}

async function skip(arrival: Arrival): Promise<"leftAlone"> {
  await arrival.acknowledge();
  return "leftAlone";
}

/** The lake or the segments could not be written: nothing is lost, it comes again. What is not ours is left alone. */
async function giveBack(env: WorkerEnvironment, arrival: Arrival, error: unknown): Promise<void> {
  if (error instanceof Refused) {
    env.log.error(
      { key: arrival.key, error: error.message },
      "left alone: it did not come in through a door",
    );
    return arrival.acknowledge();
  }
  env.log.error(
    { key: arrival.key, attempt: arrival.attempt, error: messageOf(error) },
    "arrival given back",
  );
  await arrival.giveBack(backoffMs(arrival.attempt));
}

/** 0.2, 0.4, 0.8 … at most 60 seconds. */
function backoffMs(attempt: number): number {
  return Math.min(60_000, 100 * 2 ** Math.min(attempt, 20));
}
