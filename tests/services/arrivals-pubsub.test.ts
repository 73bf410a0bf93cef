import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { PubSub } from "@google-cloud/pubsub";
import { Storage } from "@google-cloud/storage";
import { afterEach, expect, it, jest } from "@jest/globals";
import { type FaultProxy, startFaultProxy } from "../../infra/services/fault-proxy.ts";
import { pubsubOptions } from "../../infra/services/provision.ts";
import { type Services, startServices } from "../../infra/services/services.ts";
import type { Arrival, Arrivals } from "../../lake/arrivals.ts";
import { gcsLake } from "../../lake/gcs.ts";
import { isArrivalKey } from "../../lake/layout.ts";
import { type PubsubArrivalsOptions, pubsubArrivals } from "../../lake/pubsub-arrivals.ts";
import { arrivalsConformance } from "../conformance/arrivals.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { describeWithPrograms, describeWithServices } from "./servers.ts";

jest.setTimeout(60_000);

const project = "arrivals-tests";
/** The shortest that a subscription can have. */
const ackDeadlineSeconds = 10;

/** What to undo after a test, last first. */
const undo: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface Names {
  readonly topic: string;
  readonly subscription: string;
  readonly deadLetters: string;
}

/** A topic with a subscription, and another with what that one gave up. */
async function makeSubscriptions(endpoint: string): Promise<Names & { readonly client: PubSub }> {
  const client = new PubSub(pubsubOptions(endpoint, project));
  const topic = `arrivals-${randomUUID()}`;
  const names = { topic, subscription: `${topic}-worker`, deadLetters: `${topic}-worker-dead` };
  await client.createTopic(topic);
  await client.createTopic(`${topic}-dead`);
  await client.topic(`${topic}-dead`).createSubscription(names.deadLetters);
  await client.topic(topic).createSubscription(names.subscription, {
    ackDeadlineSeconds,
    deadLetterPolicy: {
      deadLetterTopic: `projects/${project}/topics/${topic}-dead`,
      maxDeliveryAttempts: 5,
    },
  });
  undo.push(async () => {
    for (const name of [names.subscription, names.deadLetters]) await client.subscription(name).delete();
    for (const name of [topic, `${topic}-dead`]) await client.topic(name).delete();
    await client.close();
  });
  return { ...names, client };
}

/** A bucket that sends its notifications to the topic. */
async function makeBucket(endpoint: string, topic: string): Promise<string> {
  const bucket = new Storage({ projectId: project, apiEndpoint: endpoint }).bucket(topic);
  await bucket.create();
  await bucket.createNotification(`projects/${project}/topics/${topic}`, {
    eventTypes: ["OBJECT_FINALIZE"],
    payloadFormat: "JSON_API_V1",
  });
  undo.push(async () => {
    await bucket.deleteFiles({ force: true });
    await bucket.delete();
  });
  return bucket.name;
}

function open(endpoint: string, names: Names, more: Partial<PubsubArrivalsOptions> = {}) {
  const errors: unknown[] = [];
  const arrivals = pubsubArrivals({
    project,
    subscription: names.subscription,
    deadLetters: names.deadLetters,
    endpoint,
    isWanted: isArrivalKey,
    idleMs: 600,
    onError: (error) => errors.push(error),
    ...more,
  });
  undo.push(() => arrivals.close());
  return { arrivals, errors };
}

/** A way to the server that can be cut. */
async function makeWay(endpoint: string): Promise<FaultProxy> {
  const way = await startFaultProxy({ target: endpoint, random: Math.random });
  undo.push(() => way.close());
  return way;
}

/** Takes `count` arrivals and ends the iteration. */
async function take(arrivals: Arrivals, count: number): Promise<readonly Arrival[]> {
  const taken: Arrival[] = [];
  for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(10_000) })) {
    taken.push(arrival);
    if (taken.length === count) break;
  }
  return taken;
}

/** The keys of everything until nothing waits, acknowledged. */
async function drain(arrivals: Arrivals): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(50_000), untilIdle: true })) {
    keys.push(arrival.key);
    await arrival.acknowledge();
  }
  return keys;
}

const keysOf = (count: number) => Array.from({ length: count }, (_, n) => `originals/ab/${n}`);

const announceAll = (arrivals: Arrivals, keys: readonly string[]) =>
  Promise.all(keys.map((key) => arrivals.announce(key)));

describeWithServices("Pub/Sub and Cloud Storage", ["gcs", "pubsub"], (services) => {
  const pubsub = services.of("pubsub").endpoint;
  const storage = services.of("gcs").endpoint;

  arrivalsConformance("Pub/Sub with a bucket's notifications", async () => {
    const names = await makeSubscriptions(pubsub);
    const lake = gcsLake({ bucket: await makeBucket(storage, names.topic), endpoint: storage });
    undo.push(() => lake.close());
    const way = await makeWay(pubsub);
    return {
      lake,
      arrivals: open(way.endpoint, names).arrivals,
      countsWaiting: false,
      // The server looks at what waits when a pull begins, and once more after half a second.
      latencyMs: 1000,
      async restarted() {
        // Nothing more is heard of a killed process; what it had comes again when its leases end.
        way.setFault({ down: true });
        await sleep(ackDeadlineSeconds * 1000);
        return open(pubsub, names).arrivals;
      },
    };
  });

  it("counts the sizes of the bucket's objects, and holds no more of them than it may", async () => {
    const names = await makeSubscriptions(pubsub);
    const bucket = await makeBucket(storage, names.topic);
    const lake = gcsLake({ bucket, endpoint: storage });
    undo.push(() => lake.close());
    for (const key of keysOf(6)) await lake.create(key, Buffer.alloc(100_000));
    const { arrivals } = open(pubsub, names, { maxBytes: 250_000, bucket });
    const held: Arrival[] = [];
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(2000) })) held.push(arrival);
    expect(held).toHaveLength(2);
    await Promise.all(held.map((arrival) => arrival.acknowledge()));
    expect(await drain(arrivals)).toHaveLength(4);
  });
});

describeWithServices("arrivals by Pub/Sub", ["pubsub"], (services) => {
  const { endpoint } = services.of("pubsub");

  it("delivers a dead letter as such, after the attempts of the subscription", async () => {
    const names = await makeSubscriptions(endpoint);
    const { arrivals } = open(endpoint, names);
    await arrivals.announce("originals/ab/bad");
    const seen: string[] = [];
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(20_000), untilIdle: true })) {
      seen.push(arrival.isDeadLetter ? "dead letter" : `attempt ${arrival.attempt}`);
      await (arrival.isDeadLetter ? arrival.acknowledge() : arrival.giveBack(0));
      // The server brings a dead letter again and again (docs/reference/emulators.md).
      if (arrival.isDeadLetter) break;
    }
    expect(seen).toEqual(["attempt 1", "attempt 2", "attempt 3", "attempt 4", "attempt 5", "dead letter"]);
  });

  it("keeps a lease for longer than the subscription's deadline, also when it is told to stop", async () => {
    const names = await makeSubscriptions(endpoint);
    const { arrivals } = open(endpoint, names, { leaseMs: 10_000 });
    await arrivals.announce("originals/ab/long");
    const [arrival] = await take(arrivals, 1);
    const other = open(endpoint, names).arrivals;
    const meanwhile: Arrival[] = [];
    const signal = AbortSignal.timeout((ackDeadlineSeconds + 4) * 1000);
    for await (const one of other.receive({ signal })) meanwhile.push(one);
    expect(meanwhile).toEqual([]);
    await arrival?.acknowledge();
    expect(await drain(other)).toEqual([]);
  });

  it("hands back at once what nobody asked for when it is told to stop", async () => {
    const names = await makeSubscriptions(endpoint);
    const { arrivals } = open(endpoint, names);
    await announceAll(arrivals, keysOf(100));
    const stop = new AbortController();
    const taken: string[] = [];
    for await (const arrival of arrivals.receive({ signal: stop.signal })) {
      taken.push(arrival.key);
      await arrival.acknowledge();
      if (taken.length === 10) stop.abort();
    }
    const startedMs = performance.now();
    const rest = await drain(open(endpoint, names).arrivals);
    expect([...taken, ...rest].sort()).toEqual(keysOf(100).sort());
    expect(performance.now() - startedMs).toBeLessThan(ackDeadlineSeconds * 1000 - 2000);
  });

  it("shares the work with another receiver: each arrival goes to one of them", async () => {
    const names = await makeSubscriptions(endpoint);
    const receivers = [open(endpoint, names).arrivals, open(endpoint, names).arrivals] as const;
    await announceAll(receivers[0], keysOf(500));
    const [one, two] = await Promise.all(receivers.map(drain));
    expect([...(one ?? []), ...(two ?? [])].sort()).toEqual(keysOf(500).sort());
  });

  it("acknowledges messages that are no notifications, tells of them, and goes on", async () => {
    const names = await makeSubscriptions(endpoint);
    const { arrivals, errors } = open(endpoint, names);
    const topic = names.client.topic(names.topic);
    await topic.publishMessage({ data: Buffer.from("not a notification") });
    await topic.publishMessage({ attributes: { eventType: "OBJECT_FINALIZE" } });
    await topic.publishMessage({ attributes: { eventType: "OBJECT_DELETE", objectId: "originals/ab/x" } });
    await topic.publishMessage({
      attributes: { eventType: "OBJECT_FINALIZE", objectId: "originals/ab/good" },
      data: Buffer.from("{ half a resource"),
    });
    expect(await drain(arrivals)).toEqual(["originals/ab/good"]);
    expect(errors.map((error) => (error as { reason: string }).reason).sort()).toEqual([
      "not_a_notification",
      "not_a_notification",
      "unwanted_notification",
    ]);
  });

  it("takes more than five hundred arrivals a second", async () => {
    const names = await makeSubscriptions(endpoint);
    const { arrivals } = open(endpoint, names);
    await announceAll(arrivals, keysOf(3000));
    const startedMs = performance.now();
    const acknowledged: Promise<void>[] = [];
    let lastMs = startedMs;
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(50_000), untilIdle: true })) {
      lastMs = performance.now();
      acknowledged.push(arrival.acknowledge());
    }
    await Promise.all(acknowledged);
    expect(acknowledged).toHaveLength(3000);
    expect(lastMs - startedMs).toBeLessThan(6000);
  });

  it("goes on by itself when the server was away for a while, and tells it once", async () => {
    const names = await makeSubscriptions(endpoint);
    const way = await makeWay(endpoint);
    const { arrivals, errors } = open(way.endpoint, names);
    await announceAll(arrivals, keysOf(200));
    const seen = new Set<string>();
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(50_000), untilIdle: true })) {
      seen.add(arrival.key);
      if (seen.size === 50) {
        way.setFault({ down: true });
        setTimeout(() => way.setFault({}), 3000);
      }
      await arrival.acknowledge();
    }
    expect([...seen].sort()).toEqual(keysOf(200).sort());
    expect(errors).toMatchObject([
      { name: "Unavailable", message: expect.stringContaining(names.subscription) },
    ]);
  });

  it("waits for a server that is not there yet", async () => {
    const names = await makeSubscriptions(endpoint);
    const way = await makeWay(endpoint);
    way.setFault({ down: true });
    const { arrivals, errors } = open(way.endpoint, names);
    const taking = take(arrivals, 1);
    await sleep(1000);
    way.setFault({});
    await open(endpoint, names).arrivals.announce("originals/ab/one");
    expect((await taking).map(({ key }) => key)).toEqual(["originals/ab/one"]);
    expect(errors).toHaveLength(1);
  });

  it("does not take a server that says nothing for an empty subscription", async () => {
    const names = await makeSubscriptions(endpoint);
    const way = await makeWay(endpoint);
    const { arrivals } = open(way.endpoint, names);
    expect(await drain(arrivals)).toEqual([]);
    way.setFault({ stall: true });
    const draining = drain(arrivals);
    expect(await Promise.race([draining, sleep(3000, "still waiting")])).toBe("still waiting");
    way.setFault({});
    expect(await draining).toEqual([]);
  });

  it("stops with the operator's error when the subscription, or that of the dead letters, is missing", async () => {
    const names = await makeSubscriptions(endpoint);
    const absent = { ...names, subscription: "absent" };
    await expect(take(open(endpoint, absent).arrivals, 1)).rejects.toMatchObject({
      name: "Misconfigured",
      message: expect.stringContaining(`projects/${project}/subscriptions/absent`),
    });
    await expect(take(open(endpoint, { ...names, deadLetters: "none" }).arrivals, 1)).rejects.toMatchObject({
      name: "Misconfigured",
      message: expect.stringContaining(`projects/${project}/subscriptions/none`),
    });
    await expect(open(endpoint, absent).arrivals.announce("originals/ab/x")).rejects.toMatchObject({
      name: "Misconfigured",
    });
  });
});

describeWithPrograms("arrivals by a Pub/Sub server of its own", ["pubsub"], () => {
  it("loses nothing when the server stands still for longer than a deadline", async () => {
    const services: Services = await startServices({
      folder: await temporaryFolder(),
      ports: "free",
      only: ["pubsub"],
    });
    undo.push(() => services.stop({ purge: true }));
    const server = services.of("pubsub");
    const names = await makeSubscriptions(server.endpoint);
    const { arrivals } = open(server.endpoint, names);
    await announceAll(arrivals, keysOf(200));
    const seen = new Set<string>();
    for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(50_000), untilIdle: true })) {
      seen.add(arrival.key);
      if (seen.size === 50) {
        server.pause();
        setTimeout(() => server.resume(), ackDeadlineSeconds * 1000 + 2000);
      }
      await arrival.acknowledge();
    }
    expect([...seen].sort()).toEqual(keysOf(200).sort());
  });
});
