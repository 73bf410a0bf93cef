import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import type { KafkaEvent } from "../../loaders/stream/kafka-client.ts";
import type { Stream, StreamMessage } from "../../loaders/stream/stream.ts";
import { consumeUntil, message, numberOf, numbers } from "../conformance/stream.ts";
import { type KafkaTopics, kafkaTopics } from "./kafka-topics.ts";
import { describeWithServices } from "./servers.ts";

/** One member of a group that notes what it handles, and whether anything was committed before it was done. */
interface Member {
  readonly events: KafkaEvent[];
  stop(): Promise<void>;
}

describeWithServices("members of a Kafka group", ["kafka"], (services) => {
  let topics: KafkaTopics;
  beforeEach(async () => {
    topics = await kafkaTopics(services.of("kafka").endpoint);
  });
  afterEach(() => topics.dispose());

  async function join(topic: string, handle: (one: StreamMessage) => Promise<void>): Promise<Member> {
    const events: KafkaEvent[] = [];
    const stream = await topics.open({ topic, onEvent: (event) => events.push(event) });
    const stop = new AbortController();
    const consuming = stream.consume(handle, { signal: stop.signal, maxInFlight: 8 });
    return {
      events,
      async stop() {
        stop.abort();
        await consuming;
        await stream.close();
      },
    };
  }

  it("handle every message while members come and go, and commit nothing that is not done", async () => {
    const topic = await topics.topic(6);
    const writer = await topics.open({ topic });
    const count = 500;
    const times = new Map<number, number>();
    const done = new Map<number, Set<bigint>>();
    const handle = async (one: StreamMessage): Promise<void> => {
      await delay(5 + (numberOf(one) % 7) * 10);
      times.set(numberOf(one), (times.get(numberOf(one)) ?? 0) + 1);
      const offsets = done.get(one.partition) ?? new Set();
      done.set(one.partition, offsets.add(one.offset));
    };
    const watcher = watchCommits(topics, topic, done);

    const producing = produceSlowly(writer, count);
    const first = await join(topic, handle);
    await delay(1_000);
    const second = await join(topic, handle);
    await delay(1_500);
    await first.stop();
    await delay(500);
    const third = await join(topic, handle);
    await producing;
    while (times.size < count) await delay(50);
    while ((await writer.lag()) > 0n) await delay(50);
    await Promise.all([second.stop(), third.stop()]);

    expect(numbers(count).filter((number) => !times.has(number))).toEqual([]);
    expect(await watcher.stop()).toEqual([]);
    expect(second.events.filter(({ kind }) => kind === "assigned").length).toBeGreaterThan(1);
    // What was in flight at a rebalance may come again; everything else may not.
    expect([...times.values()].filter((time) => time > 1).length).toBeLessThan(8 * 6);
  }, 60_000);

  it("keep their partitions while a handler takes longer than the session timeout", async () => {
    const topic = await topics.topic(2);
    const writer = await topics.open({ topic });
    await writer.produce(numbers(4).map((index) => message("k", index)));
    const handled: number[] = [];
    const member = await join(topic, async (one) => {
      if (numberOf(one) === 0) await delay(9_000);
      handled.push(numberOf(one));
    });
    while ((await writer.lag()) > 0n) await delay(100);
    await member.stop();
    expect(handled).toEqual([1, 2, 3, 0]);
    expect(member.events.filter(({ kind }) => kind !== "client")).toEqual([
      { kind: "assigned", topic, partitions: [0, 1] },
    ]);
  }, 30_000);

  it("keep their partitions while a rejected message waits longer than the session timeout", async () => {
    const topic = await topics.topic(1);
    const events: KafkaEvent[] = [];
    const stream = await topics.open({
      topic,
      retryMinMs: 16_000,
      retryMaxMs: 16_000,
      random: () => 0,
      onEvent: (event) => events.push(event),
    });
    await stream.produce([message("k", 0), message("k", 1)]);
    const seen: string[] = [];
    await consumeUntil(
      stream,
      (finish) => async (one) => {
        seen.push(`${numberOf(one)} ${one.timestamp.getTime()}`);
        if (seen.length === 1) throw new TypeError("not now");
        if (seen.length === 3) finish();
      },
      { maxInFlight: 1 },
      20_000,
    );
    expect(seen.map((one) => one[0])).toEqual(["0", "0", "1"]);
    expect(events.filter(({ kind }) => kind === "assigned")).toHaveLength(1);
    expect(await stream.lag()).toBe(0n);
  }, 40_000);

  it("get partitions that are added while they consume", async () => {
    const topic = await topics.topic(1);
    const stream = await topics.open({ topic, metadataMaxAgeMs: 500 });
    const seen: StreamMessage[] = [];
    const stop = new AbortController();
    const consuming = stream.consume(async (one) => void seen.push(one), { signal: stop.signal });
    await stream.produce([message("a", 0)]);
    while (seen.length < 1) await delay(50);
    await topics.admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    const writer = await topics.open({ topic });
    await writer.produce(numbers(30).map((index) => message(undefined, index)));
    while (seen.length < 31) await delay(50);
    stop.abort();
    await consuming;
    expect(new Set(seen.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2]));
    expect(await writer.lag()).toBe(0n);
  }, 30_000);

  it("go on when the log no longer reaches back to their commit", async () => {
    const topic = await topics.topic(1);
    const stream = await topics.open({ topic });
    await stream.produce(numbers(3).map((index) => message("k", index)));
    const first: number[] = [];
    await consumeUntil(stream, (finish) => async (one) => {
      first.push(numberOf(one));
      if (first.length === 3) finish();
    });
    await stream.produce(numbers(5).map((index) => message("k", 10 + index)));
    await topics.admin.fetchTopicOffsets(topic); // Otherwise kafkajs does not know yet who leads the partition.
    await topics.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "6" }] });
    expect(await stream.lag()).toBe(2n);
    const second: number[] = [];
    await consumeUntil(stream, (finish) => async (one) => {
      second.push(numberOf(one));
      if (second.length === 2) finish();
    });
    expect(second).toEqual([13, 14]);
    expect(await stream.lag()).toBe(0n);
  }, 30_000);
});

async function produceSlowly(writer: Stream, count: number): Promise<void> {
  for (let index = 0; index < count; index += 10) {
    await writer.produce(numbers(10).map((offset) => message(undefined, index + offset)));
    await delay(60);
  }
}

/** Looks at the group's commits again and again; each offset before one must have been handled by then. */
function watchCommits(topics: KafkaTopics, topic: string, done: ReadonlyMap<number, ReadonlySet<bigint>>) {
  const wrong: string[] = [];
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const [commits] = await topics.admin.fetchOffsets({ groupId: `${topic}-group`, topics: [topic] });
      for (const { partition, offset } of commits?.partitions ?? []) {
        for (let before = 0n; before < BigInt(offset); before += 1n) {
          if (!done.get(partition)?.has(before)) wrong.push(`${partition}/${before} of ${offset}`);
        }
      }
      await delay(20);
    }
  })();
  return {
    async stop(): Promise<readonly string[]> {
      isOver = true;
      await watching;
      return wrong;
    },
  };
}
