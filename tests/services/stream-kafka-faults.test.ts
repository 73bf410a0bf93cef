import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { KafkaCredentials, KafkaEvent } from "../../loaders/stream/kafka-client.ts";
import { collect, message, numberOf, numbers } from "../conformance/stream.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { type KafkaTopics, kafkaTopics } from "./kafka-topics.ts";
import { account, type OwnKafka, ownKafka, reauthenticationMs } from "./own-kafka.ts";
import { describeWithServices } from "./servers.ts";

/** A token as the broker's module for tests takes it: not signed. */
function unsignedToken(lifeSeconds: number): string {
  const now = Math.floor(Date.now() / 1000);
  const parts = [{ alg: "none" }, { sub: "darkroom", iat: now - 60, exp: now + lifeSeconds }];
  const encoded = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  return `${encoded.join(".")}.`;
}

// The shared broker only shows that the programs are installed: this one is killed, and asks for credentials.
describeWithServices("the stream in a Kafka of its own", ["kafka"], () => {
  let broker: OwnKafka;
  let topics: KafkaTopics;
  beforeAll(async () => {
    broker = await ownKafka(await temporaryFolder());
    topics = await kafkaTopics(broker.endpoint);
  }, 120_000);
  afterAll(async () => {
    await topics?.dispose();
    await broker?.kill();
  }, 60_000);

  it("goes on by itself when the broker is killed and comes back", async () => {
    const topic = await topics.topic(4);
    const writer = await topics.open({ topic });
    await writer.produce(numbers(100).map((index) => message(undefined, index)));
    const events: KafkaEvent[] = [];
    const stream = await topics.open({ topic, onEvent: (event) => events.push(event) });
    const seen = new Set<number>();
    const stop = new AbortController();
    const consuming = stream.consume(
      async (one) => {
        await delay(40);
        seen.add(numberOf(one));
      },
      { signal: stop.signal, maxInFlight: 4 },
    );
    while (seen.size < 30) await delay(20);
    await broker.kill();
    await delay(3_000);
    expect(await writer.produce([message(undefined, 1000)]).catch((error) => error.name)).toBe("Unavailable");
    await broker.start();
    await writer.produce(numbers(100).map((index) => message(undefined, 100 + index)));
    while (seen.size < 200) await delay(50);
    while ((await writer.lag()) > 0n) await delay(50);
    stop.abort();
    await consuming;
    expect(numbers(200).filter((number) => !seen.has(number))).toEqual([]);
  }, 120_000);

  describe("credentials", () => {
    const all: readonly KafkaCredentials[] = [
      { mechanism: "plain", ...account },
      { mechanism: "scram-sha-256", ...account },
      { mechanism: "scram-sha-512", ...account },
      { mechanism: "oauthbearer", token: async () => unsignedToken(600) },
    ];

    it.each(all)("are offered as $mechanism, with TLS and without", async (sasl) => {
      const topic = await topics.topic(1);
      const plain = await topics.open({ topic, brokers: [broker.withCredentials], sasl });
      await plain.produce([message("k", 7)]);
      const { withTls, caFile } = broker;
      const safe = await topics.open({ topic, brokers: [withTls], tls: true, caFile, sasl });
      expect((await collect(safe, 1)).map(numberOf)).toEqual([7]);
    });

    it.each(["plain", "scram-sha-256", "scram-sha-512"] as const)(
      "that are wrong (%s) are the operator's fault, and are not told",
      async (mechanism) => {
        const sasl = { mechanism, username: "alice", password: "not hers" };
        const opening = topics.open({ topic: "any", brokers: [broker.withCredentials], sasl });
        await expect(opening).rejects.toMatchObject({
          name: "Misconfigured",
          message: expect.stringMatching(/DARKROOM_KAFKA_SASL(?!.*not hers)/),
        });
      },
    );

    it("that are missing or refused are hinted at", async () => {
      const brokers = [broker.withCredentials];
      await expect(topics.open({ topic: "any", brokers })).rejects.toThrow(/DARKROOM_KAFKA_SASL/);
      const sasl = { mechanism: "oauthbearer", token: async () => unsignedToken(-30) } as const;
      await expect(topics.open({ topic: "any", brokers, sasl })).rejects.toThrow(/refuses a token/);
    });

    it("are offered again when the broker asks for them again, and nobody notices", async () => {
      const topic = await topics.topic(1);
      const events: KafkaEvent[] = [];
      let tokens = 0;
      const token = async () => {
        tokens += 1;
        return unsignedToken(600);
      };
      const stream = await topics.open({
        topic,
        brokers: [broker.withCredentials],
        sasl: { mechanism: "oauthbearer", token },
        onEvent: (event) => events.push(event),
      });
      const seen: number[] = [];
      const stop = new AbortController();
      const consuming = stream.consume(async (one) => void seen.push(numberOf(one)), { signal: stop.signal });
      const count = Math.ceil((reauthenticationMs * 1.5) / 500);
      for (const index of numbers(count)) {
        await stream.produce([message("k", index)]);
        await delay(500);
      }
      while (seen.length < count) await delay(50);
      stop.abort();
      await consuming;
      expect(seen).toEqual(numbers(count));
      expect(tokens).toBeGreaterThan(4);
      expect(events.filter(({ kind }) => kind !== "client")).toEqual([
        { kind: "assigned", topic, partitions: [0] },
      ]);
    }, 60_000);
  });

  describe("TLS", () => {
    it("needs a certificate that is trusted", async () => {
      const brokers = [broker.withTls];
      const sasl: KafkaCredentials = { mechanism: "plain", ...account };
      await expect(topics.open({ topic: "any", brokers, tls: true, sasl })).rejects.toMatchObject({
        name: "Misconfigured",
        message: expect.stringContaining("DARKROOM_KAFKA_CA"),
      });
    });

    it("at the wrong port is hinted at", async () => {
      await expect(topics.open({ topic: "any", brokers: [broker.endpoint], tls: true })).rejects.toThrow(
        /DARKROOM_KAFKA_TLS/,
      );
      await expect(topics.open({ topic: "any", brokers: [broker.withTls] })).rejects.toThrow(
        /DARKROOM_KAFKA_TLS/,
      );
    });
  });
});
