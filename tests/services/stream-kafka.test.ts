import { createHash, randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { CompressionTypes, type Producer, type ProducerConfig } from "kafkajs";
import { Refused } from "../../core/errors.ts";
import type { KafkaEvent } from "../../loaders/stream/kafka-client.ts";
import type { StreamMessage } from "../../loaders/stream/stream.ts";
import {
  collect,
  consumeUntil,
  message,
  numberOf,
  numbers,
  streamConformance,
} from "../conformance/stream.ts";
import { type KafkaTopics, kafkaTopics } from "./kafka-topics.ts";
import { describeWithServices } from "./servers.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** Bytes of buffers that something still holds. */
async function heldBytes(): Promise<number> {
  collectGarbage();
  await delay(300); // What was collected is given back in the background.
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString("utf8");
const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describeWithServices("the stream in Kafka", ["kafka"], (services) => {
  const { endpoint } = services.of("kafka");

  streamConformance("the stream in Kafka", async () => {
    const topics = await kafkaTopics(endpoint);
    const topic = await topics.topic();
    return {
      open: (group = "default") => topics.open({ topic, group: `${topic}-${group}` }),
      dispose: topics.dispose,
      startMs: 3_000,
    };
  });

  let topics: KafkaTopics;
  beforeEach(async () => {
    topics = await kafkaTopics(endpoint);
  });
  afterEach(() => topics.dispose());

  /** A producer as other applications have one. */
  async function withProducer(
    config: ProducerConfig,
    use: (producer: Producer) => Promise<unknown>,
  ): Promise<void> {
    const producer = topics.kafka.producer(config);
    await producer.connect();
    await use(producer).finally(() => producer.disconnect());
  }

  describe("large messages", () => {
    it("of 900 KB come out as they went in", async () => {
      const stream = await topics.open({ topic: await topics.topic(2) });
      const images = numbers(12).map(() => randomBytes(900_000));
      await stream.produce(images.map((value) => ({ value })));
      const seen = await collect(stream, 12);
      expect(seen.map(({ value }) => hash(value)).sort()).toEqual(images.map(hash).sort());
    });

    it("above the topic's limit are refused, and nothing of the call is appended", async () => {
      const topic = await topics.topic(1, { "max.message.bytes": "100000" });
      const stream = await topics.open({ topic });
      const call = stream.produce([message("k", 1), { value: randomBytes(100_001) }, message("k", 2)]);
      await expect(call).rejects.toMatchObject({ reason: "too_large", expected: /100000 bytes/ });
      expect(await stream.lag()).toBe(0n);
    });

    it("are measured as the broker measures them, to the byte", async () => {
      const limit = 100_000;
      const topic = await topics.topic(1, { "max.message.bytes": String(limit) });
      const measured = await topics.open({ topic });
      const unmeasured = await topics.open({ topic, maxMessageBytes: 10 * limit });
      const headers = { "file-name": "ä".repeat(70), raw: Uint8Array.of(1) };
      const sized = (bytes: number) => [{ key: "key", headers, value: new Uint8Array(bytes) }];
      let fitting = limit - 400;
      while (
        await measured.produce(sized(fitting + 1)).then(
          () => true,
          () => false,
        )
      )
        fitting += 1;
      await expect(unmeasured.produce(sized(fitting + 1))).rejects.toMatchObject({ reason: "too_large" });
      await unmeasured.produce(sized(fitting));
    });

    it("that wait are not all fetched: memory stays bounded while the handler stands still", async () => {
      const stream = await topics.open({ topic: await topics.topic(4) });
      for (const _ of numbers(5)) {
        await stream.produce(numbers(20).map(() => ({ value: Buffer.alloc(950_000, 1) })));
      }
      const before = await heldBytes();
      let handedOut = 0;
      const measuring = delay(3_000).then(heldBytes);
      const handle = async () => {
        handedOut += 1;
        await delay(5_000);
      };
      await consumeUntil(stream, () => handle, { maxInFlightBytes: 4_000_000 }, 4_000);
      const held = (await measuring) - before;
      expect(handedOut).toBe(4);
      // 95 MB wait; held are at most twice what may be in flight, 16 MiB, and a fetch that was under way.
      expect(held).toBeGreaterThan(4_000_000);
      expect(held).toBeLessThan(45_000_000);
      expect(await stream.lag()).toBe(96n);
    }, 30_000);
  });

  it("gives a redelivered message the same time, also where the broker sets it", async () => {
    for (const type of ["CreateTime", "LogAppendTime"]) {
      const topic = await topics.topic(1, { "message.timestamp.type": type });
      const stream = await topics.open({ topic });
      await stream.produce(numbers(3).map((index) => message("k", index)));
      await delay(20);
      await stream.produce(numbers(3).map((index) => message("k", 3 + index)));
      const positions = (seen: readonly StreamMessage[]) =>
        seen.map(({ offset, timestamp }) => [offset, timestamp.getTime()]);
      const other = await topics.open({ topic, group: `${topic}-other` });
      expect(positions(await collect(other, 6))).toEqual(positions(await collect(stream, 6)));
    }
  });

  describe("dead letters", () => {
    const letter = (topic: string, value: Uint8Array): StreamMessage => ({
      topic,
      partition: 3,
      offset: 41n,
      timestamp: new Date(),
      key: Buffer.from("k"),
      headers: { "customer-id": Buffer.from("c1"), raw: Uint8Array.of(0, 255) },
      value,
    });
    const refusal = new Refused("no_customer", "the image names no customer", "the id of the customer");

    it("carry the message as it came, and why, in Kafka Connect's headers", async () => {
      const topic = await topics.topic(1);
      const deadLetterTopic = await topics.topic(1);
      const stream = await topics.open({ topic, deadLetterTopic });
      await stream.deadLetter?.(letter(topic, Buffer.from("no picture")), refusal);
      const [seen] = await collect(await topics.open({ topic: deadLetterTopic }), 1);
      expect(text(seen?.value)).toBe("no picture");
      expect(text(seen?.key ?? undefined)).toBe("k");
      expect([...(seen?.headers.raw ?? [])]).toEqual([0, 255]);
      expect(
        Object.fromEntries(Object.entries(seen?.headers ?? {}).map(([name, bytes]) => [name, text(bytes)])),
      ).toMatchObject({
        "customer-id": "c1",
        "__connect.errors.topic": topic,
        "__connect.errors.partition": "3",
        "__connect.errors.offset": "41",
        "__connect.errors.connector.name": "darkroom",
        "__connect.errors.task.id": "0",
        "__connect.errors.stage": "TASK_PUT",
        "__connect.errors.class.name": "darkroom.loaders.stream",
        "__connect.errors.exception.class.name": "darkroom.Refused",
        "__connect.errors.exception.message": "no_customer: the image names no customer",
      });
    });

    it("that do not fit into their topic go there without their value, and that is told", async () => {
      const topic = await topics.topic(1);
      const deadLetterTopic = await topics.topic(1, { "max.message.bytes": "2000" });
      const events: KafkaEvent[] = [];
      const stream = await topics.open({ topic, deadLetterTopic, onEvent: (event) => events.push(event) });
      await stream.deadLetter?.(letter(topic, randomBytes(5_000)), refusal);
      const [seen] = await collect(await topics.open({ topic: deadLetterTopic }), 1);
      expect(seen?.value.length).toBe(0);
      expect(text(seen?.headers["customer-id"])).toBe("c1");
      expect(text(seen?.headers["darkroom.value.left.out"])).toBe("too_large");
      expect(events).toContainEqual({ kind: "shortened", topic: deadLetterTopic, position: `${topic}/3/41` });
    });

    it("have no place where none is configured", async () => {
      expect((await topics.open({ topic: await topics.topic(1) })).deadLetter).toBeUndefined();
    });
  });

  describe("faults", () => {
    it("of the configuration name the broker and what is missing", async () => {
      const topic = await topics.topic(1);
      await expect(topics.open({ topic: "no-such-topic" })).rejects.toMatchObject({
        name: "Misconfigured",
        problems: [`Kafka at ${endpoint}: there is no topic no-such-topic: create it`],
      });
      await expect(topics.open({ topic, deadLetterTopic: "no-such-letters" })).rejects.toMatchObject({
        problems: [`Kafka at ${endpoint}: there is no topic no-such-letters: create it`],
      });
      await expect(topics.open({ topic, brokers: ["[::1]:9092", "x"] })).rejects.toMatchObject({
        name: "Misconfigured",
        problems: [expect.stringContaining('"[::1]:9092"'), expect.stringContaining('"x"')],
      });
      await expect(topics.open({ topic, tls: true, caFile: "/no/such.pem" })).rejects.toMatchObject({
        problems: [expect.stringContaining("DARKROOM_KAFKA_CA: /no/such.pem")],
      });
      await expect(topics.open({ topic, tls: true })).rejects.toMatchObject({
        name: expect.stringMatching(/Misconfigured|Unavailable/),
      });
    }, 30_000);

    it("of the network are Unavailable and name the broker", async () => {
      const opening = topics.open({ topic: "any", brokers: ["127.0.0.1:9"] });
      await expect(opening).rejects.toMatchObject({
        name: "Unavailable",
        message: expect.stringContaining("Kafka at 127.0.0.1:9, topic any: "),
      });
    }, 30_000);

    it.each(["snappy", "lz4", "zstd"])(
      "of a compression that cannot be unpacked (%s) end the consumption and say what to change",
      async (compression) => {
        // The broker packs what comes unpacked, as the topic says.
        const stream = await topics.open({
          topic: await topics.topic(1, { "compression.type": compression }),
        });
        await stream.produce([message("k", 0)]);
        const consuming = stream.consume(async () => undefined, { signal: new AbortController().signal });
        await expect(consuming).rejects.toMatchObject({
          name: "Misconfigured",
          problems: [expect.stringMatching(new RegExp(`${compression}.*compression\\.type`, "i"))],
        });
      },
    );
  });

  it("unpacks gzip", async () => {
    const topic = await topics.topic(1);
    const messages = numbers(20).map((index) => ({ value: String(index) }));
    await withProducer({}, (producer) =>
      producer.send({ topic, compression: CompressionTypes.GZIP, messages }),
    );
    const seen = await collect(await topics.open({ topic }), 20);
    expect(seen.map(numberOf)).toEqual(numbers(20));
  });

  it("has no lag left behind the marks of a transaction", async () => {
    const topic = await topics.topic(1);
    const producer = topics.kafka.producer({
      transactionalId: topic,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    const aborted = await producer.transaction();
    await aborted.send({ topic, messages: [{ value: "7" }] });
    await aborted.abort();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: "0" }, { value: "1" }] });
    await transaction.commit();
    await producer.disconnect();
    const stream = await topics.open({ topic });
    expect((await collect(stream, 2)).map(numberOf)).toEqual([0, 1]);
    expect(await stream.lag()).toBe(0n);
  });
});
