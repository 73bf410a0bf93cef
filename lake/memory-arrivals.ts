/** Arrivals in memory: the reference of the port's promises, and the double in other rooms' tests. */

import { type Clock, systemClock } from "../core/clock.ts";
import type { Arrival, Arrivals, ReceiveOptions } from "./arrivals.ts";

interface Notice {
  attempts: number;
  isDelivered: boolean;
  notBeforeMs: number;
}

export interface MemoryArrivals extends Arrivals {
  /** As if the receiving process had died: what was delivered and not acknowledged waits again. */
  forgetDeliveries(): void;
}

/** Arrivals that end with the process. */
export function memoryArrivals({ clock = systemClock }: { clock?: Clock } = {}): MemoryArrivals {
  const notices = new Map<string, Notice>();

  function take(): Arrival | undefined {
    for (const [key, notice] of notices) {
      if (notice.isDelivered || notice.notBeforeMs > clock.elapsedMs()) continue;
      notice.isDelivered = true;
      notice.attempts += 1;
      return {
        key,
        attempt: notice.attempts,
        async acknowledge() {
          notices.delete(key);
        },
        async giveBack(delayMs) {
          notice.isDelivered = false;
          notice.notBeforeMs = clock.elapsedMs() + delayMs;
        },
      };
    }
    return undefined;
  }

  return {
    async *receive({ signal, untilIdle = false }: ReceiveOptions) {
      while (!signal.aborted) {
        const arrival = take();
        if (arrival !== undefined) yield arrival;
        else if (untilIdle && notices.size === 0) return;
        else await clock.sleep(5, signal);
      }
    },
    async announce(key) {
      if (!notices.has(key))
        notices.set(key, { attempts: 0, isDelivered: false, notBeforeMs: Number.NEGATIVE_INFINITY });
    },
    waiting: async () => notices.size,
    close: async () => undefined,
    forgetDeliveries() {
      for (const notice of notices.values()) notice.isDelivered = false;
    },
  };
}
