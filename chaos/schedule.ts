/** The plan of a seed: which faults, when and for how long. The same seed gives the same plan. */

import { type Random, seededRandom } from "../cli/demo/random.ts";

/** What a plan needs to know of a fault. */
export interface Plannable {
  readonly name: string;
  /** Shortest and longest time in ms until it is healed; `[0, 0]` for what is over at once. */
  readonly lastsMs: readonly [shortest: number, longest: number];
}

export interface PlannedFault {
  readonly name: string;
  /** From the begin of the traffic. */
  readonly atMs: number;
  readonly forMs: number;
  /** For what the fault itself draws. */
  readonly seed: number;
}

export interface PlanOptions {
  /** The time in which faults happen; all are healed at its end. */
  readonly windowMs: number;
  /** Least and most faults. */
  readonly faults: readonly [least: number, most: number];
}

/** Nothing happens before the first images flow. */
const quietMs = 300;

/**
 * Draws the faults of a seed, in the order of their begin. One of them is dealt and not drawn, so that each has its turn when seeds
 * are counted up, also for every fourth seed alone. A fault is not planned upon itself.
 */
export function planFaults(
  seed: number,
  faults: readonly Plannable[],
  options: PlanOptions,
): readonly PlannedFault[] {
  const random = seededRandom(seed * 2_654_435_761);
  const first = faults[(7 * seed + Math.floor(seed / 4)) % faults.length];
  if (first === undefined) return [];
  const planned = [place(first, random, options)];
  for (let count = random.whole(...options.faults); count > 1; count--) {
    const fault = place(random.pick([first, ...faults]), random, options);
    if (!planned.some((other) => other.name === fault.name && overlap(other, fault))) planned.push(fault);
  }
  return planned.toSorted((one, other) => one.atMs - other.atMs);
}

function place({ name, lastsMs }: Plannable, random: Random, { windowMs }: PlanOptions): PlannedFault {
  const forMs = random.whole(...lastsMs);
  const atMs = random.whole(quietMs, Math.max(quietMs, windowMs - forMs));
  return { name, atMs, forMs, seed: random.whole(0, 0x7fffffff) };
}

function overlap(one: PlannedFault, other: PlannedFault): boolean {
  return one.atMs <= other.atMs + other.forMs && other.atMs <= one.atMs + one.forMs;
}

/** For people: `kill-worker@1.2s`, `clock-jump@2.0s+1.5s`. */
export function describePlanned({ name, atMs, forMs }: PlannedFault): string {
  return `${name}@${seconds(atMs)}${forMs > 0 ? `+${seconds(forMs)}` : ""}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`;
}
