/** Every fault that can be injected, by name: what it does to a world, and how that is healed. */

import type { Random } from "../cli/demo/random.ts";
import { embeddedFaults } from "./embedded-faults.ts";
import { generalFaults } from "./general-faults.ts";
import type { Plannable } from "./schedule.ts";
import { servicesFaults } from "./services-faults.ts";
import type { World, WorldKind } from "./world.ts";

export interface Fault extends Plannable {
  /** Does it; what it is to be healed by comes back. May draw, so that a seed repeats it. */
  inject(world: World, random: Random): Promise<Injected>;
}

export interface Injected {
  /** What exactly was done, or that and why it was left out. */
  readonly note?: string;
  heal(): Promise<void>;
}

/** The faults that fit a world, in a fixed order. */
export function faultsFor(kind: WorldKind): readonly Fault[] {
  return [...generalFaults, ...(kind === "embedded" ? embeddedFaults : servicesFaults)];
}
