/** Time as an argument: everything that waits or stamps takes a clock, so that tests decide what time it is. */

import { setTimeout as delay } from "node:timers/promises";

export interface Clock {
  now(): Date;
  /** Milliseconds that only grow; for durations. */
  elapsedMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  },
};
