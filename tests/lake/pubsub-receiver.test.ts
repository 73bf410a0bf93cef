import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "@jest/globals";
import { type Clock, systemClock } from "../../core/clock.ts";
import { Misconfigured, Unavailable } from "../../core/errors.ts";
import type { Arrival, Arrivals } from "../../lake/arrivals.ts";
import { isArrivalKey } from "../../lake/layout.ts";
import { memoryLake } from "../../lake/memory.ts";
import { pubsubReceiver, type ReceivingOptions } from "../../lake/pubsub-receiver.ts";
import { arrivalsConformance } from "../conformance/arrivals.ts";
import { type MemoryPubsub, type MemoryPubsubOptions, memoryPubsub } from "./pubsub-memory.ts";

/** Deadlines are whole seconds, so the clock runs faster here. */
function fastClock(speed: number): Clock {
  return {
    now: () => new Date(),
    elapsedMs: () => performance.now() * speed,
    sleep: (ms, signal) => systemClock.sleep(ms / speed, signal),
  };
}

const speed = 20;
const subscription = "projects/p/subscriptions/worker";
const deadLetters = "projects/p/subscriptions/worker-dead";
const opened: Arrivals[] = [];

afterEach(async () => {
  for (const arrivals of opened.splice(0)) await arrivals.close();
});

function open(
  options: Partial<ReceivingOptions> & { service?: MemoryPubsub } & Partial<MemoryPubsubOptions> = {},
) {
  const clock = options.clock ?? fastClock(speed);
  const service = options.service ?? memoryPubsub({ clock, subscription, deadLetters, ...options });
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const sources = [
    { subscription, isDeadLetter: false },
    { subscription: deadLetters, isDeadLetter: true },
  ] as const;
  const arrivals = pubsubReceiver(service, [...sources], {
    isWanted: isArrivalKey,
    idleMs: 2000,
    onError,
    clock,
    ...options,
  });
  opened.push(arrivals);
  return { service, arrivals, errors, clock };
}

/** Takes `count` arrivals and ends the iteration. */
async function take(arrivals: Arrivals, count: number): Promise<readonly Arrival[]> {
  const taken: Arrival[] = [];
  for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(5000) })) {
    taken.push(arrival);
    if (taken.length === count) break;
  }
  return taken;
}

/** Everything until nothing waits, acknowledged. */
async function drain(arrivals: Arrivals): Promise<readonly Arrival[]> {
  const taken: Arrival[] = [];
  for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(5000), untilIdle: true })) {
    taken.push(arrival);
    await arrival.acknowledge();
  }
  return taken;
}

function notification(key: string, more: { generation?: string; size?: number; event?: string } = {}) {
  const { generation = "1", size = 1000, event = "OBJECT_FINALIZE" } = more;
  return {
    attributes: { eventType: event, objectId: key, objectGeneration: generation, bucketId: "pictures" },
    data: Buffer.from(JSON.stringify({ size: String(size) })),
  };
}

arrivalsConformance("Pub/Sub in memory", async () => {
  // The suite measures delays.
  const clock = systemClock;
  const ackDeadlineMs = 1000;
  const memory = memoryPubsub({ clock, subscription, deadLetters, ackDeadlineMs });
  const connection = { ...memory };
  const announce = async (key: string) => memory.bring(notification(key));
  return {
    lake: memoryLake({ announce }),
    arrivals: open({ clock, service: connection, idleMs: 200 }).arrivals,
    countsWaiting: false,
    async restarted() {
      // Nothing more is heard of a killed process: its leases end by themselves.
      const killed = () => Promise.reject(new Unavailable("killed"));
      Object.assign(connection, { pull: killed, setDeadline: killed, acknowledge: killed });
      await clock.sleep(ackDeadlineMs);
      return open({ clock, service: memory, idleMs: 200 }).arrivals;
    },
  };
});

describe("arrivals from Pub/Sub", () => {
  it("extends leases for as long as an arrival is worked on", async () => {
    const { service, arrivals } = open({ leaseMs: 10_000 });
    service.bring(notification("originals/ab/one"));
    const [arrival] = await take(arrivals, 1);
    for (let seconds = 0; seconds < 25; seconds += 1) {
      await sleep(1000 / speed);
      expect(service.count()).toEqual({ all: 1, leased: 1 });
    }
    await arrival?.acknowledge();
    expect(service.count()).toEqual({ all: 0, leased: 0 });
    expect(service.calls.slice(0, 2)).toEqual(["deadline 1 10s", "deadline 1 10s"]);
  });

  it("extends no lease that has ended", async () => {
    const { service, arrivals } = open();
    for (const key of ["originals/ab/one", "originals/ab/two"]) service.bring(notification(key));
    const [one, two] = await take(arrivals, 2);
    await one?.acknowledge();
    await two?.giveBack(300_000);
    await sleep(12_000 / speed);
    expect(service.calls).toEqual(["acknowledge 1", "deadline 1 300s"]);
  });

  it("lets go of what is not finished within the longest time, and says so", async () => {
    const { service, arrivals, errors } = open({ longestMs: 30_000, leaseMs: 10_000 });
    service.bring(notification("originals/ab/one"));
    const [lost] = await take(arrivals, 1);
    const [again] = await take(arrivals, 1);
    expect([lost?.attempt, again?.attempt]).toEqual([1, 2]);
    expect(errors).toMatchObject([
      { name: "Unavailable", message: expect.stringContaining("originals/ab/one") },
    ]);
    await lost?.acknowledge();
    expect(service.count().all).toBe(1);
    await again?.acknowledge();
    expect(service.count().all).toBe(0);
  });

  it("counts attempts itself where the service does not", async () => {
    const { service, arrivals } = open({ countsAttempts: false });
    service.bring(notification("originals/ab/one"));
    const attempts: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const [arrival] = await take(arrivals, 1);
      attempts.push(Number(arrival?.attempt));
      await arrival?.giveBack(0);
    }
    expect(attempts).toEqual([1, 2, 3]);
  });

  it("acknowledges together what becomes done together", async () => {
    const { service, arrivals } = open();
    for (let n = 0; n < 300; n += 1) service.bring(notification(`originals/ab/${n}`));
    const taken = await take(arrivals, 300);
    await Promise.all(taken.map((arrival) => arrival.acknowledge()));
    expect(service.calls).toEqual(["acknowledge 300"]);
  });

  it("delivers one object once at a time, and is done with all its notices together", async () => {
    const { service, arrivals } = open();
    service.bring(notification("originals/ab/one"));
    service.bring(notification("originals/ab/one"));
    await arrivals.announce("originals/ab/one");
    const taken = await drain(arrivals);
    expect(taken).toHaveLength(1);
    expect(service.count().all).toBe(0);
  });

  it("delivers another object of the same key after the first is done", async () => {
    const { service, arrivals } = open();
    service.bring(notification("incoming/ab/one", { generation: "1" }));
    service.bring(notification("incoming/ab/one", { generation: "2" }));
    const taken = await drain(arrivals);
    expect(taken.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(service.count().all).toBe(0);
  });

  it("hands out dead letters between the others, as such", async () => {
    const { service, arrivals } = open({ maxAttempts: 2 });
    service.bring(notification("originals/ab/bad"));
    const seen: string[] = [];
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(5000), untilIdle: true })) {
      seen.push(`${arrival.key} ${arrival.isDeadLetter ? "dead" : arrival.attempt}`);
      if (arrival.key.endsWith("bad") && !arrival.isDeadLetter) await arrival.giveBack(0);
      else await arrival.acknowledge();
    }
    expect(seen).toEqual(["originals/ab/bad 1", "originals/ab/bad 2", "originals/ab/bad dead"]);
    expect(service.count(deadLetters).all).toBe(0);
  });

  it("acknowledges what is not wanted, and tells of what is no notification of a new object", async () => {
    const { service, arrivals, errors } = open({ bucket: "pictures" });
    const other = notification("originals/ab/three");
    service.bring(notification("renditions/ab/one"));
    service.bring({ data: Buffer.from("hello") });
    service.bring(notification("originals/ab/one", { event: "OBJECT_DELETE" }));
    service.bring(notification("originals/ab/two", { event: "OBJECT_DELETE" }));
    service.bring({ ...other, attributes: { ...other.attributes, bucketId: "films" } });
    expect(await drain(arrivals)).toEqual([]);
    expect(service.count().all).toBe(0);
    expect(errors).toMatchObject([
      { reason: "not_a_notification", message: expect.stringContaining(subscription) },
      { reason: "unwanted_notification", message: expect.stringContaining("OBJECT_DELETE") },
      { reason: "unwanted_notification", message: expect.stringContaining("films") },
    ]);
  });

  it("leases no more messages than it may hold", async () => {
    const { service, arrivals } = open({ maxMessages: 5 });
    for (let n = 0; n < 20; n += 1) service.bring(notification(`originals/ab/${n}`));
    const held: Arrival[] = [];
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(300) })) held.push(arrival);
    expect(held).toHaveLength(5);
    expect(service.count().leased).toBe(5);
  });

  it("hands out no more bytes than it may hold, and goes on when some are done", async () => {
    const { service, arrivals } = open({ maxBytes: 10_000 });
    for (let n = 0; n < 12; n += 1) service.bring(notification(`originals/ab/${n}`, { size: 4000 }));
    let holding = 0;
    let most = 0;
    let done = 0;
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(5000), untilIdle: true })) {
      holding += 1;
      most = Math.max(most, holding);
      sleep(20)
        .then(arrival.acknowledge)
        .then(() => {
          holding -= 1;
          done += 1;
        });
    }
    expect([most, done]).toEqual([2, 12]);
  });

  it("leases nothing that nobody asks for", async () => {
    const { service, arrivals } = open();
    for (let n = 0; n < 50; n += 1) service.bring(notification(`originals/ab/${n}`));
    const receiving = arrivals.receive({ signal: AbortSignal.timeout(5000) })[Symbol.asyncIterator]();
    await receiving.next();
    await sleep(100);
    expect(service.count().leased).toBe(4);
    await receiving.return?.();
  });

  it("hands back at once what it had pulled when it is told to stop, and what is out stays out", async () => {
    const { service, arrivals } = open();
    for (let n = 0; n < 50; n += 1) service.bring(notification(`originals/ab/${n}`));
    const stop = new AbortController();
    const receiving = arrivals.receive({ signal: stop.signal })[Symbol.asyncIterator]();
    const first: IteratorResult<Arrival> = await receiving.next();
    expect(service.count().leased).toBe(4);
    stop.abort();
    await sleep(20);
    expect(service.count().leased).toBe(1);
    expect(await receiving.next()).toMatchObject({ done: true });
    await sleep(12_000 / speed);
    expect(service.count().leased).toBe(1);
    await first.value.acknowledge();
    expect(service.count()).toEqual({ all: 49, leased: 0 });
  });

  it("hands back what is out when it is closed", async () => {
    const { service, arrivals } = open();
    service.bring(notification("originals/ab/one"));
    await take(arrivals, 1);
    await arrivals.close();
    expect(service.count()).toEqual({ all: 1, leased: 0 });
  });

  it("goes on by itself after an outage, which it tells once", async () => {
    const { service, arrivals, errors } = open();
    service.fail(new Unavailable("no connection"));
    const receiving = drain(arrivals);
    await sleep(200);
    service.fail(undefined);
    service.bring(notification("originals/ab/one"));
    expect(await receiving).toHaveLength(1);
    expect(errors).toMatchObject([{ name: "Unavailable", message: "no connection" }]);
  });

  it("does not wait for ever for a service that is away when it is to end by itself", async () => {
    const { arrivals, service } = open({ outageMs: 3000 });
    service.fail(new Unavailable("nobody answers"));
    await expect(drain(arrivals)).rejects.toThrow(new Unavailable("nobody answers"));
  });

  it("tries an acknowledgement again until the service has it", async () => {
    const { service, arrivals } = open();
    service.bring(notification("originals/ab/one"));
    const [arrival] = await take(arrivals, 1);
    service.fail(new Unavailable("no connection"));
    const acknowledging = arrival?.acknowledge();
    await sleep(150);
    expect(service.count().all).toBe(1);
    service.fail(undefined);
    await acknowledging;
    expect(service.count().all).toBe(0);
  });

  it("stops with the operator's error when a subscription cannot be read at all", async () => {
    const { service, arrivals } = open();
    service.fail(new Misconfigured([`${subscription}: no such subscription`]));
    await expect(take(arrivals, 1)).rejects.toMatchObject({
      name: "Misconfigured",
      message: expect.stringContaining(subscription),
    });
  });

  it("waits with the end for what was given back", async () => {
    const { service, arrivals } = open();
    service.bring(notification("originals/ab/one"));
    const attempts: number[] = [];
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(5000), untilIdle: true })) {
      attempts.push(arrival.attempt);
      await (arrival.attempt === 1 ? arrival.giveBack(20_500) : arrival.acknowledge());
    }
    expect(attempts).toEqual([1, 2]);
    expect(service.calls).toContain("deadline 1 20s");
  });
});
