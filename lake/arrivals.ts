/** The port of arrivals: the lake tells that an object exists, at least once, until somebody acknowledges it. */

export interface Arrival {
  /** The key of the object that arrived. */
  readonly key: string;
  /** 1 at the first delivery; survives the death of the worker that had it. */
  readonly attempt: number;
  /** True when the service has given up delivering it: that is recorded, beside its outcome. */
  readonly isDeadLetter?: boolean;
  /** It is done: it will not be delivered again (unless announced again). */
  acknowledge(): Promise<void>;
  /** It could not be done now: it is delivered again after `delayMs`. */
  giveBack(delayMs: number): Promise<void>;
}

export interface ReceiveOptions {
  /** Ends the iteration; what was delivered may still be acknowledged. */
  readonly signal: AbortSignal;
  /**
   * Ends the iteration when nothing waits and everything delivered was acknowledged; and with `Unavailable` when the service
   * cannot be asked for long. Without it an outage is waited for. @default false
   */
  readonly untilIdle?: boolean;
}

export interface Arrivals {
  /** Delivers each waiting arrival once; the next is fetched when it is asked for, so the consumer sets the pace. */
  receive(options: ReceiveOptions): AsyncIterable<Arrival>;
  /** Tells of an object (again). */
  announce(key: string): Promise<void>;
  /** How many arrivals are not acknowledged; undefined where the service does not count them (Pub/Sub). */
  waiting(): Promise<number | undefined>;
  /** Releases connections; a `receive` must have ended. */
  close(): Promise<void>;
}
