/** An outage is told once: what fails while the service is away fails for the same reason. */

export interface Outage {
  failed(error: unknown): void;
  /** The service has answered. */
  over(): void;
  /** Throws the last error when the service has not answered for so long. */
  mustNotLast(ms: number): void;
}

/** `elapsedMs` is a clock that only grows. */
export function createOutage(onError: (error: unknown) => void, elapsedMs: () => number): Outage {
  let current: { readonly sinceMs: number; readonly error: unknown } | undefined;
  return {
    failed(error) {
      if (current === undefined) onError(error);
      current = { sinceMs: current?.sinceMs ?? elapsedMs(), error };
    },
    over() {
      current = undefined;
    },
    mustNotLast(ms) {
      if (current !== undefined && elapsedMs() - current.sinceMs >= ms) throw current.error;
    },
  };
}
