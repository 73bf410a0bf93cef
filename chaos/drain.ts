/** Waiting, without helping, until the platform has done what is to be done: what does not end here hangs. */

import { setTimeout as sleep } from "node:timers/promises";
import { Unavailable } from "../core/errors.ts";
import { idOfKey, originals, outcomeKey } from "../lake/layout.ts";
import { standardRecipe } from "../processor/recipe.ts";
import { becomesImage, type Ledger } from "./ledger.ts";
import type { World } from "./world.ts";

/**
 * Generous, as a machine may be busy: they tell what hangs, not what is slow. A restarted member of a Kafka group waits up to 30 s
 * for its dead predecessor's session to end, and what a dead worker held of Pub/Sub comes again after a minute at most.
 */
const drainedWithinMs = { embedded: 40_000, services: 120_000 } as const;
const loadedWithinMs = { embedded: 40_000, services: 80_000 } as const;
/** Looking costs the servers time too. */
const lookEveryMs = { embedded: 150, services: 500 } as const;

/** Resolves when the stream is taken in and every original has its outcome. Throws `Unavailable` with what is left. */
export async function drain(world: World, ledger: Ledger): Promise<void> {
  const done = new Set<string>();
  await until(world, drainedWithinMs[world.kind], () => remaining(world, ledger, done));
}

/** What the running loader has done so far. */
export interface LoaderProgress {
  readonly rows: number;
  readonly runs: number;
}

export async function loaderProgress({ programs }: Pick<World, "programs">): Promise<LoaderProgress> {
  const rows = await programs.loader.metric('darkroom_loaded_rows_total{table="image_processed"}');
  const runs = await programs.loader.metric('darkroom_model_runs_total{result="done"}');
  return { rows: rows ?? 0, runs: runs ?? 0 };
}

/** Resolves when the running loader has loaded outcomes and made the models since. Throws `Unavailable` with what is missing. */
export async function loaderGoesOn(world: World, since: LoaderProgress): Promise<void> {
  await until(world, loadedWithinMs[world.kind], async () => {
    const now = await loaderProgress(world);
    if (now.rows > since.rows && now.runs > since.runs) return undefined;
    return `the loader has loaded ${now.rows - since.rows} rows and run the models ${now.runs - since.runs} times`;
  });
}

/** What is still to be done, for people; undefined when there is nothing. */
async function remaining(world: World, ledger: Ledger, done: Set<string>): Promise<string | undefined> {
  const { images, stream } = world.platform;
  const lag = await (await stream()).lag();
  if (lag > 0n) return `${lag} messages of the stream are not taken in`;
  const pending: string[] = [];
  let count = 0;
  for await (const key of images.list({ prefix: originals })) {
    count += 1;
    const imageId = idOfKey(key);
    if (done.has(imageId)) continue;
    if ((await images.stat(outcomeKey(imageId, standardRecipe))) === undefined) pending.push(imageId);
    else done.add(imageId);
  }
  if (pending.length > 0) return `${pending.length} originals have no outcome, for example ${pending[0]}`;
  const owed = ledger.entries().filter((one) => becomesImage(one) && one.answer === "acknowledged").length;
  return count < owed ? `${owed} images were acknowledged, and the lake holds ${count}` : undefined;
}

async function until(
  { kind }: World,
  withinMs: number,
  left: () => Promise<string | undefined>,
): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const rest = await left();
    if (rest === undefined) return;
    if (performance.now() > deadlineMs)
      throw new Unavailable(`${withinMs / 1000} s after the faults ${rest}`);
    await sleep(lookEveryMs[kind]);
  }
}
