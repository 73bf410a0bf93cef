/** The clock of a world's processes, which can be put forward and back while they run. */

import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface JumpingClock {
  /** For the environment of the processes that follow this clock. */
  readonly nodeOptions: string;
  /** Shifts the time of day; 0 is the right time. */
  shift(offsetMs: number): void;
}

/** A clock that shows the right time until it is shifted. */
export function jumpingClock(folder: string): JumpingClock {
  const path = join(folder, "clock-offset");
  const preload = new URL("clock-jump.mjs", import.meta.url);
  preload.searchParams.set("offset", path);
  const shift = (offsetMs: number) => {
    writeFileSync(`${path}.new`, String(offsetMs));
    renameSync(`${path}.new`, path);
  };
  shift(0);
  return { nodeOptions: `--import=${preload.href}`, shift };
}
