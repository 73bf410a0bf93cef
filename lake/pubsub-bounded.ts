/** Waiting for work that may hang, but not for longer than so long. */

import type { Clock } from "../core/clock.ts";

/** Resolves when `work` does, or after `ms`; the work goes on. Rejects as `work` does in that time. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([work, clock.sleep(ms, done.signal)]);
  } finally {
    done.abort();
  }
}
