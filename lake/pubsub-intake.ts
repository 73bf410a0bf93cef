/** The pulls of one receiver: what they brought waits here until it is asked for, and goes back when the receiver ends. */

import type { Clock } from "../core/clock.ts";
import { Misconfigured } from "../core/errors.ts";
import { createBell } from "./pubsub-bell.ts";
import { within } from "./pubsub-bounded.ts";
import type { Custody, Held } from "./pubsub-custody.ts";
import type { Flow } from "./pubsub-flow.ts";
import type { Outage } from "./pubsub-outage.ts";
import type { Reader, Source } from "./pubsub-reader.ts";
import type { LeasedMessage, PubsubService } from "./pubsub-service.ts";

export interface IntakeOptions {
  readonly service: PubsubService;
  readonly sources: readonly Source[];
  readonly reader: Reader;
  readonly custody: Custody;
  readonly flow: Flow;
  readonly outage: Outage;
  readonly clock: Clock;
  /** How long a pull waits for the first message. */
  readonly patienceMs: number;
}

export interface Intake {
  /** The next one that was pulled, if the flow lets it out. */
  next(): Held | undefined;
  /**
   * Pulls if nothing is left, and resolves when anything has changed, at the latest after `ms`. Throws `Misconfigured` when a
   * subscription cannot be read at all.
   */
  more(ms: number): Promise<void>;
  /** Looks again at what may be handed out. */
  wake(): void;
  /** Since when every subscription was empty, by the clock's `elapsedMs`; undefined when one was not, or did not answer. */
  emptySinceMs(): number | undefined;
  /**
   * Ends the pulls and hands back what nobody asked for. Never rejects, and takes a few seconds at most. What the service was
   * just sending comes again when the subscription's own deadline has passed.
   */
  end(): Promise<void>;
}

/** Dead letters are few, and come between the others. */
const mostDeadLetters = 10;
const firstWaitMs = 100;
const longestWaitMs = 10_000;
/** A service that says at once that it has nothing is not asked again at once. */
const shortestPullMs = 100;
const endWithinMs = 5000;

export function createIntake(options: IntakeOptions): Intake {
  const { service, sources, reader, custody, flow, outage, clock } = options;
  const ahead: Held[] = [];
  const pulls = new Map<Source, Promise<void>>();
  const emptySince = new Map<Source, number>();
  const failures = new Map<Source, number>();
  const bell = createBell(clock);
  const stop = new AbortController();
  let misconfigured: Misconfigured | undefined;

  function begin(source: Source): void {
    if (pulls.has(source) || stop.signal.aborted) return;
    const most = Math.min(flow.room(), source.isDeadLetter ? mostDeadLetters : Number.POSITIVE_INFINITY);
    if (most === 0) return;
    const pulling = pull(source, most).finally(() => {
      pulls.delete(source);
      bell.ring();
    });
    pulls.set(source, pulling);
  }

  async function pull(source: Source, most: number): Promise<void> {
    const startedMs = clock.elapsedMs();
    try {
      const { patienceMs } = options;
      const messages = await service.pull(source.subscription, { most, patienceMs, signal: stop.signal });
      failures.delete(source);
      outage.over();
      if (messages.length > 0) return take(source, messages);
      if (!emptySince.has(source)) emptySince.set(source, startedMs);
      await clock.sleep(Math.max(0, startedMs + shortestPullMs - clock.elapsedMs()), stop.signal);
    } catch (error) {
      await bear(source, error);
    }
  }

  function take(source: Source, messages: readonly LeasedMessage[]): void {
    emptySince.delete(source);
    if (!source.isDeadLetter) flow.came(messages.length);
    for (const message of messages) {
      const lease = { subscription: source.subscription, ackId: message.ackId, messageId: message.messageId };
      const told = reader.read(message, source);
      const held = told && custody.admit(told, lease);
      if (told === undefined) void custody.dismiss(lease);
      if (held !== undefined) ahead.push(held);
    }
    // The answer was under way when the receiver ended.
    if (stop.signal.aborted) void custody.handBack(ahead.splice(0));
  }

  async function bear(source: Source, error: unknown): Promise<void> {
    emptySince.delete(source);
    if (error instanceof Misconfigured) {
      misconfigured = error;
      return;
    }
    outage.failed(error);
    const failed = failures.get(source) ?? 0;
    failures.set(source, failed + 1);
    await clock.sleep(Math.min(longestWaitMs, firstWaitMs * 2 ** failed), stop.signal);
  }

  async function giveUpPulls(): Promise<void> {
    await custody.handBack(ahead.splice(0));
    await Promise.all(pulls.values());
  }

  return {
    next() {
      // What lay here for too long was let go.
      while (ahead[0]?.leases.length === 0) ahead.shift();
      return ahead[0] !== undefined && flow.mayHandOut(ahead[0].bytes) ? ahead.shift() : undefined;
    },
    async more(ms) {
      if (ahead.length === 0) for (const source of sources) begin(source);
      await bell.wait(ms);
      if (misconfigured !== undefined) throw misconfigured;
    },
    wake: bell.ring,
    emptySinceMs() {
      const times = sources.map((source) => emptySince.get(source));
      return times.includes(undefined) ? undefined : Math.max(...times.map(Number));
    },
    async end() {
      stop.abort();
      bell.ring();
      await within(clock, endWithinMs, giveUpPulls());
    },
  };
}
