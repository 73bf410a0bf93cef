/**
 * Custody of what was leased: each object is at hand once, however many messages tell of it; its leases are kept alive until
 * it is acknowledged or given back, and then settled with the service.
 */

import type { Clock } from "../core/clock.ts";
import { Unavailable } from "../core/errors.ts";
import { retry } from "../core/retry.ts";
import type { Arrival } from "./arrivals.ts";
import { createBatches } from "./pubsub-batches.ts";
import type { Flow } from "./pubsub-flow.ts";
import { createLeaseKeeper } from "./pubsub-lease-keeper.ts";
import type { Lease } from "./pubsub-leases.ts";
import type { Outage } from "./pubsub-outage.ts";
import { mostAckIds, type PubsubService } from "./pubsub-service.ts";

export interface CustodyOptions {
  readonly service: PubsubService;
  readonly flow: Flow;
  readonly clock: Clock;
  /** How long an extension lasts. */
  readonly leaseMs: number;
  /** What is neither acknowledged nor given back for so long is let go. */
  readonly longestMs: number;
  /** Told when there is room again. */
  readonly onSettled: () => void;
  readonly outage: Outage;
  /** Told of what was let go. */
  readonly onError: (error: unknown) => void;
}

/** An object that a message told of. */
export interface Told {
  readonly key: string;
  readonly isDeadLetter: boolean;
  readonly attempt: number;
  readonly generation: string | undefined;
  readonly sizeBytes: number | undefined;
}

/** An object at hand, with the leases of all messages that told of it. */
export interface Held extends Told {
  /** What it counts for in the flow. */
  readonly bytes: number;
  readonly leases: Lease[];
  isHandedOut: boolean;
}

export interface Custody {
  /** Nothing is at hand. */
  isEmpty(): boolean;
  /** When something last happened, or will: what was given back comes again then. By the clock's `elapsedMs`. */
  busyUntilMs(): number;
  /** Takes charge of a leased message. Undefined when it tells of nothing that may be handed out now. */
  admit(told: Told, lease: Lease): Held | undefined;
  handOut(held: Held): Arrival;
  /** The service may deliver these again at once. Never rejects: at worst they come when their leases end. */
  handBack(held: readonly Held[]): Promise<void>;
  /** Acknowledges a message that nobody will work on. Never rejects: at worst it comes again. */
  dismiss(lease: Lease): Promise<void>;
  /** Hands everything back and extends nothing any more. */
  close(): Promise<void>;
}

/** For another object of a key that is at hand: about as long as an image takes. */
const postponeSeconds = 10;
/** The longest deadline that the service sets. */
const mostSeconds = 600;
/** Half a minute of tries, or more: an acknowledgement that is lost costs the work done. */
const acknowledgeAttempts = 8;
/** What is not given back comes by itself when its lease ends. */
const giveBackAttempts = 3;

interface Settlement {
  readonly lease: Lease;
  /** Undefined for done; otherwise the seconds after which it may be delivered again. */
  readonly againAfterSeconds: number | undefined;
}

/** One custody a process: leases of one object that two have would be worked on at the same time. */
export function createCustody(options: CustodyOptions): Custody {
  const { service, flow, clock, outage, onError } = options;
  const atHand = new Map<string, Held>();
  const closed = new AbortController();
  let busyUntilMs = Number.NEGATIVE_INFINITY;
  const keeper = createLeaseKeeper({ ...options, onOverdue: letGo, onError: outage.failed });
  const settle = createBatches<Settlement>({
    keyOf: ({ lease, againAfterSeconds }) => `${lease.subscription} ${againAfterSeconds}`,
    most: mostAckIds,
    send: (batch) => sendSettlements(service, batch).then(outage.over),
  });

  function stayBusy(forMs = 0): void {
    busyUntilMs = Math.max(busyUntilMs, clock.elapsedMs() + forMs);
  }

  function join(held: Held, lease: Lease): void {
    const outdated = held.leases.find(
      ({ subscription, messageId }) => subscription === lease.subscription && messageId === lease.messageId,
    );
    if (outdated !== undefined) drop(held, outdated);
    held.leases.push(lease);
    keeper.keep(lease);
  }

  function drop(held: Held, lease: Lease): void {
    keeper.drop(lease);
    const index = held.leases.indexOf(lease);
    if (index >= 0) held.leases.splice(index, 1);
  }

  function forget(held: Held): void {
    for (const lease of [...held.leases]) drop(held, lease);
    if (atHand.get(held.key) !== held) return;
    atHand.delete(held.key);
    flow.release(held.bytes, held.isHandedOut);
    stayBusy();
    options.onSettled();
  }

  /** Whoever has these has most likely lost them: the service delivers them again. */
  function letGo(leases: readonly Lease[]): void {
    const lost = [...atHand.values()].filter((held) => held.leases.some((lease) => leases.includes(lease)));
    const minutes = Math.round(options.longestMs / 60_000);
    for (const held of lost) {
      onError(new Unavailable(`${held.key} was not finished within ${minutes} minutes; it comes again`));
      forget(held);
    }
  }

  /** Messages that tell of it meanwhile are done too: an object never changes. */
  async function acknowledge(held: Held): Promise<void> {
    while (held.leases.length > 0) {
      const leases = [...held.leases];
      await Promise.all(leases.map((lease) => settle({ lease, againAfterSeconds: undefined })));
      for (const lease of leases) drop(held, lease);
    }
    forget(held);
  }

  /** The service counts in whole seconds; what is over is waited for here, where the lease lasts a moment longer anyway. */
  async function giveBack(held: Held, delayMs: number): Promise<void> {
    const leases = [...held.leases];
    const inTimeMs = Math.max(0, delayMs);
    const seconds = Math.min(mostSeconds, Math.floor(inTimeMs / 1000));
    forget(held);
    if (leases.length === 0) return;
    stayBusy(inTimeMs);
    if (inTimeMs % 1000 > 0) await clock.sleep(inTimeMs % 1000, closed.signal);
    await keeper.settled();
    await settleQuietly(leases, seconds);
  }

  async function handBack(some: readonly Held[]): Promise<void> {
    await Promise.all(some.map((held) => giveBack(held, 0)));
  }

  function postpone(lease: Lease): void {
    stayBusy(postponeSeconds * 1000);
    void settleQuietly([lease], postponeSeconds);
  }

  async function settleQuietly(
    leases: readonly Lease[],
    againAfterSeconds: number | undefined,
  ): Promise<void> {
    await Promise.all(leases.map((lease) => settle({ lease, againAfterSeconds }))).catch(outage.failed);
  }

  return {
    isEmpty: () => atHand.size === 0,
    busyUntilMs: () => busyUntilMs,

    admit(told, lease) {
      const already = atHand.get(told.key);
      if (already === undefined) {
        const held = { ...told, bytes: flow.hold(told.sizeBytes), leases: [], isHandedOut: false };
        atHand.set(told.key, held);
        join(held, lease);
        return held;
      }
      if (tellsOfTheSame(already, told)) join(already, lease);
      else postpone(lease);
      return undefined;
    },

    handOut(held) {
      held.isHandedOut = true;
      flow.handOut(held.bytes);
      stayBusy();
      return {
        key: held.key,
        attempt: held.attempt,
        isDeadLetter: held.isDeadLetter,
        acknowledge: () => acknowledge(held),
        giveBack: (delayMs) => giveBack(held, delayMs),
      };
    },

    handBack,
    dismiss: (lease) => settleQuietly([lease], undefined),

    async close() {
      closed.abort();
      keeper.close();
      await handBack([...atHand.values()]);
    },
  };
}

/** An announcement names no generation: it means whatever object is there. */
function tellsOfTheSame(held: Told, told: Told): boolean {
  const isOneObject =
    held.generation === undefined || told.generation === undefined || held.generation === told.generation;
  return isOneObject && held.isDeadLetter === told.isDeadLetter;
}

/** All of one batch have the subscription and the fate of the first. */
async function sendSettlements(service: PubsubService, batch: readonly Settlement[]): Promise<void> {
  const [first] = batch;
  if (first === undefined) return;
  const { subscription } = first.lease;
  const seconds = first.againAfterSeconds;
  const ackIds = batch.map(({ lease }) => lease.ackId);
  if (seconds === undefined) {
    await retry(() => service.acknowledge(subscription, ackIds), { attempts: acknowledgeAttempts });
  } else {
    await retry(() => service.setDeadline(subscription, ackIds, seconds), { attempts: giveBackAttempts });
  }
}
