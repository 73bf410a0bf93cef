/** The least time that objects are kept, for lakes that hold it themselves. */

import type { Clock } from "../core/clock.ts";
import { Refused } from "../core/errors.ts";
import type { LakeObject } from "./lake.ts";

/** Throws `Refused` (`retained`) when the object is younger than the retention. */
export function refuseWhileRetained(object: LakeObject, retentionMs: number, clock: Clock): void {
  const keptUntil = new Date(object.createdAt.getTime() + retentionMs);
  if (retentionMs <= 0 || clock.now() >= keptUntil) return;
  throw new Refused(
    "retained",
    `${object.key} is kept until ${keptUntil.toISOString()}`,
    `a removal at or after that time (the lake keeps objects for ${retentionMs} ms)`,
  );
}
