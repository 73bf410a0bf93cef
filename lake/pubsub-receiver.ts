/**
 * Arrivals out of Pub/Sub subscriptions. It pulls when the consumer asks and nothing is left, so the consumer sets the pace and
 * nothing is leased that nobody asked for; a streaming pull would be sent messages whether or not anybody wants them yet.
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { retry } from "../core/retry.ts";
import type { Arrivals, ReceiveOptions } from "./arrivals.ts";
import { createBatches } from "./pubsub-batches.ts";
import { within } from "./pubsub-bounded.ts";
import { createCustody } from "./pubsub-custody.ts";
import { createFlow } from "./pubsub-flow.ts";
import { createIntake, type Intake } from "./pubsub-intake.ts";
import { announcementOf } from "./pubsub-notification.ts";
import { createOutage } from "./pubsub-outage.ts";
import { createReader, type Source } from "./pubsub-reader.ts";
import type { Announcement, PubsubService } from "./pubsub-service.ts";

/** Everything but the connection. */
export interface ReceivingOptions {
  /** Objects of other keys are acknowledged and not delivered. */
  readonly isWanted: (key: string) => boolean;
  /** Told of an outage (once), of messages that are no such notifications, and of what was held for too long. */
  readonly onError?: (error: unknown) => void;
  /** The bucket that announcements name; notifications of others are acknowledged and told to `onError`. @default any */
  readonly bucket?: string;
  /** Arrivals held at a time, leased and not yet acknowledged; ten dead letters may come on top. @default 10000 */
  readonly maxMessages?: number;
  /**
   * Bytes of the pictures that they stand for; one picture may be larger. Since an arrival is held until its records are in a
   * segment, a process takes at most so many bytes in a segment's age. @default 1 GiB
   */
  readonly maxBytes?: number;
  /** For how long a lease is extended at a time; what a killed process had comes again so much later. @default 60000 */
  readonly leaseMs?: number;
  /** What is neither acknowledged nor given back for so long is delivered again. @default 3600000 */
  readonly longestMs?: number;
  /**
   * With `untilIdle`: the subscriptions must have been empty for so long, since the service counts nothing. What another process
   * holds, or held when it was killed, does not show; and what was given back comes after the subscription's minimum backoff,
   * which must be shorter. @default 5000
   */
  readonly idleMs?: number;
  /** With `untilIdle`: when the service cannot be reached for so long, `receive` throws `Unavailable`. @default 30000 */
  readonly outageMs?: number;
  readonly clock?: Clock;
}

/** One call of pull waits so long for its first message; the service itself ends it sooner or later. */
const patienceMs = 30_000;
/** What waits for a time to pass looks at the clock so often. */
const lookEveryMs = 100;
/** What is still held is handed back, if the service answers so soon. */
const closeWithinMs = 5000;
/** A message is some hundred bytes, and a request to publish takes 1,000 of them. */
const mostAnnouncements = 500;

/** Arrivals of these subscriptions; announcements go to the topic of the first. */
export function pubsubReceiver(
  service: PubsubService,
  sources: readonly [Source, ...Source[]],
  options: ReceivingOptions,
): Arrivals {
  const { clock = systemClock, bucket, idleMs = 5000, outageMs = 30_000, onError = () => {} } = options;
  const { maxMessages = 10_000, maxBytes = 2 ** 30, leaseMs = 60_000, longestMs = 3_600_000 } = options;
  const flow = createFlow({ maxMessages, maxBytes }, clock.elapsedMs);
  const outage = createOutage(onError, clock.elapsedMs);
  const reader = createReader({ isWanted: options.isWanted, bucket, onError });
  const intakes = new Set<Intake>();
  const custody = createCustody({
    service,
    flow,
    clock,
    leaseMs,
    longestMs,
    onSettled() {
      for (const intake of intakes) intake.wake();
    },
    outage,
    onError,
  });
  const publish = createBatches<Announcement>({
    keyOf: () => "",
    most: mostAnnouncements,
    send: (batch) => retry(() => service.publish(sources[0].subscription, batch)),
  });

  function isIdle(intake: Intake): boolean {
    const emptySinceMs = intake.emptySinceMs();
    if (emptySinceMs === undefined || !custody.isEmpty()) return false;
    return clock.elapsedMs() - Math.max(emptySinceMs, custody.busyUntilMs()) >= idleMs;
  }

  return {
    async *receive({ signal, untilIdle = false }: ReceiveOptions) {
      const patience = untilIdle ? Math.min(idleMs, patienceMs) : patienceMs;
      const shared = { service, sources, reader, custody, flow, outage, clock };
      const intake = createIntake({ ...shared, patienceMs: patience });
      const end = () => void intake.end();
      intakes.add(intake);
      signal.addEventListener("abort", end);
      try {
        while (!signal.aborted) {
          const held = intake.next();
          if (untilIdle) outage.mustNotLast(outageMs);
          if (held !== undefined) yield custody.handOut(held);
          else if (untilIdle && isIdle(intake)) return;
          else await intake.more(untilIdle ? lookEveryMs : patienceMs);
        }
      } finally {
        signal.removeEventListener("abort", end);
        intakes.delete(intake);
        await intake.end();
      }
    },

    announce: (key) => publish(announcementOf(key, bucket, clock.now())),
    waiting: async () => undefined,

    async close() {
      await within(clock, closeWithinMs, custody.close());
      await service.close();
    },
  };
}
