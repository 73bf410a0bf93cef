/** A bell that one waits for and many ring; a ring while nobody waits is not lost. */

import type { Clock } from "../core/clock.ts";

export interface Bell {
  ring(): void;
  /** Resolves when it rings or has rung since the last wait, or after `ms`. */
  wait(ms: number): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  let hasRung = false;
  let wake = () => {};
  return {
    ring() {
      hasRung = true;
      wake();
    },
    async wait(ms) {
      const awake = new AbortController();
      wake = () => awake.abort();
      if (!hasRung) await clock.sleep(ms, awake.signal);
      hasRung = false;
    },
  };
}
