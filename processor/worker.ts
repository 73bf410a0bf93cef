/** The worker: takes arrivals, makes sure of an outcome for each, and puts their records into segments. */

import { type Budget, createBudget } from "../core/budget.ts";
import type { Clock } from "../core/clock.ts";
import { Misconfigured, messageOf, Refused } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Metrics } from "../core/metrics.ts";
import type { Row } from "../core/rows.ts";
import type { Arrival, Arrivals, ReceiveOptions } from "../lake/arrivals.ts";
import { type Lake, readWhole } from "../lake/lake.ts";
import { incoming, rejected } from "../lake/layout.ts";
import { recordOf } from "../lake/records.ts";
import type { SegmentWriter } from "../lake/segments.ts";
import { attemptOf, type BeginAttempt } from "./attempts.ts";
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
  /** How long an outage of the lake is borne before an arrival is given back, in ms. @default 300000 */
  readonly outageMs?: number;
  /**
   * Does with a direct upload what a door would have done; durable when it resolves. What is accepted arrives again, as an
   * original. Undefined where there are no direct uploads.
   */
  readonly takeIncoming?: (key: string) => Promise<void>;
}

/** What one call of `work` did; an image counts when its arrival was acknowledged. */
export interface WorkSummary {
  processed: number;
  rejected: number;
  failed: number;
  /** What a door had refused and is now recorded. */
  refused: number;
  /** Direct uploads that were accepted or refused now. */
  takenIn: number;
  /** Attempts that will be made again. */
  givenBack: number;
  /** Objects that did not come in through a door, or are gone. */
  leftAlone: number;
}

const defaultOutageMs = 300_000;

/** Arrivals whose records wait for their segment; a bound of memory, far above what one segment holds. */
const maxUnacknowledged = 10_000;

/**
 * Works until the signal aborts (what is in flight is finished first) or, with `untilIdle`, until nothing waits.
 * `onDone` is told after each acknowledged arrival. Throws what `receive` throws, after what is in flight is finished.
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
    takenIn: 0,
    givenBack: 0,
    leftAlone: 0,
  };
  const slots = createBudget(env.concurrency);
  const unacknowledged = createBudget(maxUnacknowledged);
  try {
    for await (const arrival of env.arrivals.receive(options)) {
      const forget = await unacknowledged.take();
      // Taken before the next arrival is asked for: the slots set the pace.
      let slot: (() => void) | undefined = await slots.take();
      const begin = attemptOf(env, arrival);
      outlast(env, options.signal, async () => {
        const freeSlot = slot ?? (await slots.take());
        slot = undefined;
        try {
          return await handle(env, arrival, freeSlot, begin);
        } finally {
          freeSlot();
        }
      })
        .then((result) => {
          summary[result] += 1;
          options.onDone?.(summary);
        })
        .catch(async (error) => {
          summary[error instanceof Refused ? "leftAlone" : "givenBack"] += 1;
          await giveBack(env, arrival, error).catch(() => undefined);
        })
        .finally(forget);
    }
  } catch (error) {
    // Nothing more can be received, and perhaps nothing acknowledged: what is in flight comes again, and finds its outcome.
    await finishWork(env, slots);
    throw error;
  }
  await finishWork(env, slots);
  await unacknowledged.whenFree();
  return summary;
}

/**
 * An outage of the lake, or a permission that it lacks, is waited for with the arrival in hand and without a slot: each delivery
 * counts as an attempt, and that is not the image's fault. Once the signal aborts, what fails is given back.
 */
async function outlast<T>(
  env: WorkerEnvironment,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const endMs = env.clock.elapsedMs() + (env.outageMs ?? defaultOutageMs);
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refused || signal.aborted || env.clock.elapsedMs() >= endMs) throw error;
      env.log.debug({ error: messageOf(error), tries }, "waiting for the lake");
      // What waited for one segment fails together: not all of it is to come back at once.
      await env.clock.sleep(Math.min(10_000, backoffMs(tries)) * (0.5 + Math.random()), signal);
    }
  }
}

async function finishWork(env: WorkerEnvironment, slots: Budget): Promise<void> {
  await slots.whenFree();
  await env.segments.flush();
}

function handle(
  env: WorkerEnvironment,
  arrival: Arrival,
  freeSlot: () => void,
  begin: BeginAttempt,
): Promise<keyof WorkSummary> {
  if (arrival.key.startsWith(rejected)) return recordRefusal(env, arrival, freeSlot);
  if (arrival.key.startsWith(incoming)) return takeIncoming(env, arrival);
  return processArrival(env, arrival, freeSlot, begin);
}

async function takeIncoming(env: WorkerEnvironment, arrival: Arrival): Promise<keyof WorkSummary> {
  if (env.takeIncoming === undefined) {
    throw new Misconfigured([`DARKROOM_UPLOADS is not set, and ${arrival.key} arrived: expected its bucket`]);
  }
  await env.takeIncoming(arrival.key);
  await arrival.acknowledge();
  return "takenIn";
}

/** The way of an image: the slot is free again once the outcome is in the lake; the acknowledgement is last. */
async function processArrival(
  env: WorkerEnvironment,
  arrival: Arrival,
  freeSlot: () => void,
  begin: BeginAttempt,
): Promise<keyof WorkSummary> {
  const done = await ensureOutcome(env, arrival, begin);
  freeSlot();
  if (done === undefined) return skip(arrival);
  if (!done.isFinal) {
    await done.received;
    return retryLater(env, arrival, done.outcome);
  }
  await Promise.all([
    done.received,
    env.segments.append("image_processed", [done.outcome]),
    arrival.isDeadLetter
      ? env.segments.append("image_rejected", [deadLetterOf(env, done.outcome)])
      : undefined,
    // From now on the time counts for which the original is kept.
    env.lake.release(arrival.key),
  ]);
  await arrival.acknowledge();
  return done.outcome.status;
}

/** A function of its own so that the image's bytes are free while its records wait for their segment. */
async function ensureOutcome(
  env: WorkerEnvironment,
  arrival: Arrival,
  begin: BeginAttempt,
): Promise<Done | undefined> {
  const original = await readOriginal(env, arrival);
  if (original === undefined) return undefined;
  const { record } = original;
  const received = env.segments.append("image_received", [record]);
  received.catch(() => undefined);
  const first = await outcomeIn(env.lake, record.image_id, env.recipe);
  const outcome = first ?? (await develop(env, original, await begin(record.image_id)));
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

/** What the service gave up delivering is recorded as such, beside the outcome that it has by now. */
function deadLetterOf(env: WorkerEnvironment, outcome: Outcome): Row<"image_rejected"> {
  return {
    event_id: `${outcome.image_id}/dead-letter`,
    stage: "arrival",
    customer_id: outcome.customer_id,
    source: "arrivals",
    source_ref: null,
    rejected_at: env.clock.now().toISOString(),
    reason: "dead_letter",
    message: `the notice of arrival was given up after too many deliveries; the image is ${outcome.status}`,
    declared_type: null,
    file_name: null,
    size_bytes: null,
    content_sha256: outcome.content_sha256,
  };
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
