/** Pub/Sub in memory, as far as its promises are written down: leases that end, attempts that are counted, dead letters. */

import type { Clock } from "../../core/clock.ts";
import type { LeasedMessage, PubsubService } from "../../lake/pubsub-service.ts";

export interface MemoryPubsubOptions {
  readonly clock: Clock;
  readonly subscription: string;
  /** The subscription of the dead-letter topic. */
  readonly deadLetters?: string;
  /** Without a dead-letter policy nothing is counted. @default true */
  readonly countsAttempts?: boolean;
  /** @default 5 */
  readonly maxAttempts?: number;
  /** @default 10000, the shortest that a subscription can have */
  readonly ackDeadlineMs?: number;
}

export interface MemoryPubsub extends PubsubService {
  /** Publishes any message. */
  bring(message: { attributes?: Readonly<Record<string, string>>; data?: Uint8Array }): void;
  /** Every call rejects with this from now on, until it is undefined. */
  fail(error: Error | undefined): void;
  /** Messages that are not acknowledged, and those of them that are leased now. */
  count(subscription?: string): { readonly all: number; readonly leased: number };
  /** Calls that changed something, for example `acknowledge 3` or `deadline 2 60s`. */
  readonly calls: readonly string[];
}

interface Stored extends Pick<LeasedMessage, "messageId" | "attributes" | "data"> {
  deliveries: number;
  leaseEndsMs: number;
}

export function memoryPubsub(options: MemoryPubsubOptions): MemoryPubsub {
  const { clock, deadLetters, countsAttempts = true, maxAttempts = 5, ackDeadlineMs = 10_000 } = options;
  const subscriptions = new Map<string, Map<string, Stored>>([[options.subscription, new Map()]]);
  if (deadLetters !== undefined) subscriptions.set(deadLetters, new Map());
  const calls: string[] = [];
  let failure: Error | undefined;
  let published = 0;

  const messagesOf = (subscription: string) => subscriptions.get(subscription) ?? new Map<string, Stored>();
  const isLeased = ({ leaseEndsMs }: Stored) => leaseEndsMs > clock.elapsedMs();

  function take(subscription: string, most: number): LeasedMessage[] {
    const taken: LeasedMessage[] = [];
    for (const stored of [...messagesOf(subscription).values()].filter((one) => !isLeased(one))) {
      if (taken.length === most) break;
      if (subscription !== deadLetters && deadLetters !== undefined && stored.deliveries >= maxAttempts) {
        messagesOf(subscription).delete(stored.messageId);
        messagesOf(deadLetters).set(stored.messageId, { ...stored, deliveries: 0, leaseEndsMs: 0 });
        continue;
      }
      stored.deliveries += 1;
      stored.leaseEndsMs = clock.elapsedMs() + ackDeadlineMs;
      const { messageId, attributes, data, deliveries } = stored;
      const attempt = countsAttempts ? deliveries : 0;
      taken.push({ ackId: `${messageId}:${deliveries}`, messageId, attempt, attributes, data });
    }
    return taken;
  }

  /** Old leases name nothing any more. */
  function leasedBy(subscription: string, ackId: string): Stored | undefined {
    const stored = messagesOf(subscription).get(ackId.slice(0, ackId.indexOf(":")));
    return stored && ackId === `${stored.messageId}:${stored.deliveries}` ? stored : undefined;
  }

  function check(): void {
    if (failure !== undefined) throw failure;
  }

  const memory: MemoryPubsub = {
    calls,
    async pull(subscription, { most, patienceMs, signal }) {
      const endMs = clock.elapsedMs() + patienceMs;
      for (;;) {
        check();
        const taken = signal.aborted ? [] : take(subscription, most);
        if (taken.length > 0 || signal.aborted || clock.elapsedMs() >= endMs) return taken;
        await clock.sleep(20, signal);
      }
    },
    async acknowledge(subscription, ackIds) {
      check();
      calls.push(`acknowledge ${ackIds.length}`);
      for (const ackId of ackIds) {
        const stored = leasedBy(subscription, ackId);
        if (stored !== undefined) messagesOf(subscription).delete(stored.messageId);
      }
    },
    async setDeadline(subscription, ackIds, seconds) {
      check();
      calls.push(`deadline ${ackIds.length} ${seconds}s`);
      for (const ackId of ackIds) {
        const stored = leasedBy(subscription, ackId);
        if (stored !== undefined) stored.leaseEndsMs = clock.elapsedMs() + seconds * 1000;
      }
    },
    async publish(_, announcements) {
      check();
      for (const announcement of announcements) memory.bring(announcement);
    },
    bring({ attributes = {}, data = Buffer.alloc(0) }) {
      published += 1;
      const messageId = String(published);
      messagesOf(options.subscription).set(messageId, {
        messageId,
        attributes,
        data,
        deliveries: 0,
        leaseEndsMs: 0,
      });
    },
    fail(error) {
      failure = error;
    },
    count(subscription = options.subscription) {
      const all = [...messagesOf(subscription).values()];
      return { all: all.length, leased: all.filter(isLeased).length };
    },
    async close() {},
  };
  return memory;
}
