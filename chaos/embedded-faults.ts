/** Faults of the embedded world: the lake's disk is full, and a second loader wants the warehouse. */

import type { Fault } from "./faults.ts";
import { runDarkroom } from "./program.ts";

const fullDisk: Fault = {
  name: "full-disk",
  lastsMs: [500, 3000],
  async inject({ disk }) {
    if ("reason" in disk) return { note: `left out: ${disk.reason}`, heal: async () => {} };
    await disk.fill();
    return { heal: () => disk.free() };
  },
};

/** One process at a time has the file; while nobody has it (the loader was killed), the second one may load. */
const secondLoader: Fault = {
  name: "second-loader",
  lastsMs: [0, 0],
  async inject(world) {
    const { code } = await runDarkroom(["load"], world.calm);
    if (code !== 3 && code !== 0) {
      world.complaints.push(`a second loader ended with ${code}, where 3 (unavailable) or 0 is right`);
    }
    return { note: `ended with ${code}`, heal: async () => {} };
  },
};

export const embeddedFaults: readonly Fault[] = [fullDisk, secondLoader];
