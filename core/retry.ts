/** Trying again what was only unavailable, with exponential backoff and jitter. */

import pRetry from "p-retry";
import { Unavailable } from "./errors.ts";

export interface RetryOptions {
  /** Tries in all. @default 5 */
  readonly attempts?: number;
  /** Wait before the second try; doubles from there. @default 100 */
  readonly firstWaitMs?: number;
  /** @default 10000 */
  readonly longestWaitMs?: number;
  readonly signal?: AbortSignal;
}

/** Runs `work` until it succeeds or fails with anything else than `Unavailable`; rejects with the last error. */
export function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  return pRetry(work, {
    retries: (options.attempts ?? 5) - 1,
    minTimeout: options.firstWaitMs ?? 100,
    maxTimeout: options.longestWaitMs ?? 10_000,
    randomize: true,
    shouldRetry: ({ error }) => error instanceof Unavailable,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}
