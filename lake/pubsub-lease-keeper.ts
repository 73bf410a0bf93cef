/** Keeps leases alive: extends what the book says is due, for as long as there is anything in it. */

import type { Clock } from "../core/clock.ts";
import { createLeaseBook, type Lease } from "./pubsub-leases.ts";
import { mostAckIds, type PubsubService } from "./pubsub-service.ts";

export interface LeaseKeeperOptions {
  readonly service: PubsubService;
  readonly clock: Clock;
  /** How long an extension lasts. */
  readonly leaseMs: number;
  /** A lease is extended for so long in all. */
  readonly longestMs: number;
  /** These are not extended any more, for they were held for too long. */
  readonly onOverdue: (leases: readonly Lease[]) => void;
  readonly onError: (error: unknown) => void;
}

export interface LeaseKeeper {
  keep(lease: Lease): void;
  drop(lease: Lease): void;
  /** Resolves when no extension is under way that was begun before; it would win over what is sent to end a lease. */
  settled(): Promise<void>;
  close(): void;
}

/** How often the book is looked through. */
const lookEveryMs = 1000;

export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const { service, clock, leaseMs, longestMs } = options;
  const book = createLeaseBook({ leaseMs, longestMs, elapsedMs: clock.elapsedMs });
  const closed = new AbortController();
  let isTending = false;
  let extending = Promise.resolve();

  async function tend(): Promise<void> {
    isTending = true;
    while (book.size > 0 && !closed.signal.aborted) {
      await clock.sleep(lookEveryMs, closed.signal);
      const overdue = book.strikeTooLong();
      if (overdue.length > 0) options.onOverdue(overdue);
      extending = extendDue();
      await extending;
    }
    isTending = false;
  }

  async function extendDue(): Promise<void> {
    const due = book.due();
    for (const subscription of new Set(due.map((lease) => lease.subscription))) {
      const leases = due.filter((lease) => lease.subscription === subscription);
      for (let start = 0; start < leases.length && !closed.signal.aborted; start += mostAckIds) {
        await extend(subscription, leases.slice(start, start + mostAckIds));
      }
    }
  }

  /** What fails stays due, and is tried again at the next look. */
  async function extend(subscription: string, leases: readonly Lease[]): Promise<void> {
    const ackIds = leases.filter((lease) => book.has(lease)).map(({ ackId }) => ackId);
    if (ackIds.length === 0) return;
    try {
      await service.setDeadline(subscription, ackIds, Math.floor(leaseMs / 1000));
      book.extended(leases);
    } catch (error) {
      options.onError(error);
    }
  }

  return {
    keep(lease) {
      book.enter(lease);
      if (!isTending) void tend();
    },
    drop: (lease) => book.strike(lease),
    settled: () => extending,
    close: () => closed.abort(),
  };
}
