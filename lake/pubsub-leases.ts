/** The book of leases: which messages this process holds, when each must be extended, and which it has held for too long. */

export interface Lease {
  /** The full name of the subscription. */
  readonly subscription: string;
  readonly ackId: string;
  readonly messageId: string;
}

export interface LeaseBook {
  readonly size: number;
  /** Enters a lease that was just taken. */
  enter(lease: Lease): void;
  strike(lease: Lease): void;
  has(lease: Lease): boolean;
  /** Leases whose time has come; they stay due until they are `extended` or struck. */
  due(): readonly Lease[];
  extended(leases: readonly Lease[]): void;
  /** Strikes and returns what has been held for too long. */
  strikeTooLong(): readonly Lease[];
}

export interface LeaseBookOptions {
  /** How long an extension lasts. */
  readonly leaseMs: number;
  /** A lease is extended for so long in all. */
  readonly longestMs: number;
  /** Milliseconds that only grow. */
  readonly elapsedMs: () => number;
}

/**
 * No subscription's own deadline is shorter than 10 s, so a lease is extended before that for the first time; what it is set to
 * then does not have to be known.
 */
const firstExtensionMs = 4000;

export function createLeaseBook({ leaseMs, longestMs, elapsedMs }: LeaseBookOptions): LeaseBook {
  const entries = new Map<Lease, { readonly takenMs: number; extendMs: number }>();

  return {
    get size() {
      return entries.size;
    },
    enter(lease) {
      const takenMs = elapsedMs();
      entries.set(lease, { takenMs, extendMs: takenMs + firstExtensionMs });
    },
    strike(lease) {
      entries.delete(lease);
    },
    has: (lease) => entries.has(lease),
    due() {
      const nowMs = elapsedMs();
      return [...entries].filter(([, { extendMs }]) => extendMs <= nowMs).map(([lease]) => lease);
    },
    extended(leases) {
      // Half of its time is left for tries that fail.
      const extendMs = elapsedMs() + leaseMs / 2;
      for (const lease of leases) {
        const entry = entries.get(lease);
        if (entry !== undefined) entry.extendMs = extendMs;
      }
    },
    strikeTooLong() {
      const nowMs = elapsedMs();
      const struck = [...entries]
        .filter(([, { takenMs }]) => nowMs - takenMs >= longestMs)
        .map(([lease]) => lease);
      for (const lease of struck) entries.delete(lease);
      return struck;
    },
  };
}
