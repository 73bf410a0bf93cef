/** One seed from begin to end: traffic, faults, healing, drain, a fresh image, and the judge. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../cli/demo/random.ts";
import { openPlatform } from "../cli/wiring.ts";
import { readConfig } from "../core/config.ts";
import { messageOf, Unavailable } from "../core/errors.ts";
import { drain, loaderGoesOn, loaderProgress } from "./drain.ts";
import { gatherEvidence } from "./evidence.ts";
import { type Fault, faultsFor } from "./faults.ts";
import { judge } from "./judge.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { describePlanned, type PlannedFault, planFaults } from "./schedule.ts";
import { startTraffic, type Traffic } from "./traffic.ts";
import { programsOf, type World, type WorldKind } from "./world.ts";

export interface SeedResult {
  /** What was done, each with its time: `kill-worker@1.2s`, `clock-jump@2.0s+1.5s (90 min)`. */
  readonly injected: readonly string[];
  readonly submitted: number;
  readonly acknowledged: number;
  /** Rows of fct_images that the judge looked at. */
  readonly images: number;
  /** Processes that ended by themselves and were started again. */
  readonly ends: readonly string[];
  /** What is wrong; empty when the seed passed. */
  readonly findings: readonly string[];
  /** Seconds of each part. */
  readonly parts: Readonly<Record<string, number>>;
}

export interface SeedOptions {
  readonly seed: number;
  readonly kind: WorldKind;
  /** For ledger, logs and data; created. */
  readonly folder: string;
  /** Gives the seed up. */
  readonly signal: AbortSignal;
  readonly startWorld: (plan: readonly PlannedFault[]) => Promise<World>;
}

/** The time in which faults happen, and how many. */
const plans = { windowMs: 6000, faults: [3, 6] } as const;
/** Beyond every backoff of darkroom that a fault of seconds can lead to. */
const answeredWithinMs = 30_000;
const readyWithinMs = 60_000;
/** A seed that is not over by then hangs. */
const longestMs = 300_000;

/** Runs a seed to its end; what goes wrong on the way is a finding. */
export async function runSeed(options: SeedOptions): Promise<SeedResult> {
  await mkdir(options.folder, { recursive: true });
  const notes: Notes = { injected: [], findings: [], ends: [], parts: {}, images: 0 };
  const ledger = openLedger(join(options.folder, "ledger.ndjson"));
  const faults = faultsFor(options.kind);
  const plan = planFaults(options.seed, faults, plans);
  const over = new AbortController();
  let world: World | undefined;
  try {
    const started = await timed(notes, "start", () => options.startWorld(plan));
    world = started;
    const signal = AbortSignal.any([options.signal, over.signal, AbortSignal.timeout(longestMs)]);
    const context = { seed: options.seed, ledger, plan, faults, notes, signal };
    await Promise.race([live(started, context), givenUp(signal)]);
  } catch (error) {
    notes.findings.push(messageOf(error));
  } finally {
    over.abort();
    await world?.close();
  }
  const entries = ledger.entries();
  return {
    ...notes,
    submitted: entries.length,
    acknowledged: entries.filter(({ answer }) => answer === "acknowledged").length,
  };
}

interface Notes extends Pick<SeedResult, "parts"> {
  readonly injected: string[];
  readonly findings: string[];
  readonly ends: string[];
  readonly parts: Record<string, number>;
  images: number;
}

interface Context {
  readonly seed: number;
  readonly ledger: Ledger;
  readonly plan: readonly PlannedFault[];
  readonly faults: readonly Fault[];
  readonly notes: Notes;
  readonly signal: AbortSignal;
}

async function live(world: World, context: Context): Promise<void> {
  const { ledger, notes } = context;
  await timed(notes, "ready", () => allReady(world));
  const traffic = await beginTraffic(world, context);
  await timed(notes, "faults", () => carryOut(world, context));
  // What does not settle is judged all the same: to hang is one thing, to lose another.
  const settled = timed(notes, "drain", () => settle(world, traffic, ledger));
  await settled.catch((error) => notes.findings.push(messageOf(error)));
  notes.findings.push(...(await timed(notes, "stop", () => stopAll(world))));
  notes.ends.push(...programsOf(world).flatMap(({ ends }) => ends));
  notes.findings.push(...programsOf(world).flatMap(({ crashes }) => crashes));
  const open = () => openPlatform({ logLevel: "silent", config: readConfig(world.calm.settings) });
  const evidence = await timed(notes, "judge", () => gatherEvidence(world, ledger, open));
  notes.images = evidence.images.length;
  notes.findings.push(...judge(evidence), ...ledger.contradictions(), ...world.complaints);
}

async function beginTraffic(world: World, { seed, ledger, signal }: Context): Promise<Traffic> {
  const stream = await world.platform.stream();
  const uploadUrl = world.customersProxy.endpoint;
  return startTraffic({ seed, ledger, uploadUrl, customers: world.customers, stream, signal });
}

/** Each fault at its time; all are healed when this resolves, also when one could not be injected. */
async function carryOut(world: World, { plan, faults, notes }: Context): Promise<void> {
  const over = sleep(plans.windowMs);
  const results = await Promise.allSettled(
    plan.map(async (planned) => {
      await sleep(planned.atMs);
      const fault = faults.find(({ name }) => name === planned.name);
      const done = await fault?.inject(world, seededRandom(planned.seed));
      notes.injected.push(describePlanned(planned) + (done?.note === undefined ? "" : ` (${done.note})`));
      await sleep(planned.forMs);
      await done?.heal();
    }),
  );
  await over;
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) throw new Unavailable(`a fault failed: ${messageOf(failure.reason)}`);
}

/** After the faults everything runs again, everybody has an answer, everything is worked on, and new images flow. */
async function settle(world: World, traffic: Traffic, ledger: Ledger): Promise<void> {
  await allReady(world);
  const before = await loaderProgress(world);
  await Promise.all([traffic.sendFresh(answeredWithinMs), traffic.stop(answeredWithinMs)]);
  await drain(world, ledger);
  await loaderGoesOn(world, before);
}

async function allReady(world: World): Promise<void> {
  await Promise.all(programsOf(world).map((program) => program.ready(readyWithinMs)));
}

/** As an operator would: doors first, so that the others can finish what came in. */
async function stopAll(world: World): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const program of programsOf(world)) {
    const problem = await program.stop();
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

async function timed<T>(notes: Notes, part: string, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  try {
    return await work();
  } finally {
    notes.parts[part] = Math.round((performance.now() - startedMs) / 100) / 10;
  }
}

function givenUp(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const give = () => reject(new Unavailable("the seed was given up: it was interrupted, or hung"));
    if (signal.aborted) give();
    signal.addEventListener("abort", give, { once: true });
  });
}
