import { describe, expect, it } from "@jest/globals";
import type { Batch, EachBatchPayload } from "kafkajs";
import { startDelivery } from "../../../loaders/stream/delivery.ts";
import { groupAssignment } from "../../../loaders/stream/kafka-assignment.ts";
import type { KafkaItem } from "../../../loaders/stream/kafka-messages.ts";
import type { StreamMessage } from "../../../loaders/stream/stream.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A batch as kafkajs hands it over, of messages with so many bytes each, and what is committed for it. */
function fetched(partition: number, first: number, count: number, commits: string[], bytes = 1) {
  const messages = Array.from({ length: count }, (_, index) => ({
    offset: String(first + index),
    timestamp: "1700000000000",
    key: Buffer.from("k"),
    value: Buffer.alloc(bytes, 7),
    headers: {
      one: Buffer.from("1"),
      many: [Buffer.from("1"), Buffer.from("2")],
      none: null as unknown as Buffer,
    },
  }));
  const batch = { topic: "images", partition, messages, lastOffset: () => String(first + count) };
  const payload: Pick<EachBatchPayload, "batch" | "commitOffsetsIfNecessary"> = {
    batch: batch as unknown as Batch,
    commitOffsetsIfNecessary: async (offsets) => {
      for (const one of offsets?.topics.flatMap(({ partitions }) => partitions) ?? [])
        commits.push(`${one.partition}:${one.offset}`);
    },
  };
  return { payload, messages };
}

function memberOf(handle: (message: StreamMessage) => Promise<void>, maxHeldBytes = 1_000) {
  const abort = new AbortController();
  const delivery = startDelivery<KafkaItem>(handle, { signal: abort.signal }, { commitMs: 1 });
  const assignment = groupAssignment({
    topic: "images",
    delivery,
    maxHeldBytes,
    maxWaitingBytes: 500,
    graceMs: 100,
  });
  const said: string[] = [];
  const consumer = {
    pause: (list: readonly { partitions?: number[] }[]) => void said.push(`-${list[0]?.partitions}`),
    resume: (list: readonly { partitions?: number[] }[]) => void said.push(`+${list[0]?.partitions}`),
  };
  const end = () => {
    abort.abort();
    return delivery.finish();
  };
  return { assignment, consumer, said, end };
}

describe("what the group has assigned", () => {
  it("is handed out as messages of the port, and committed behind what follows them in the log", async () => {
    const seen: StreamMessage[] = [];
    const commits: string[] = [];
    const { assignment, consumer, end } = memberOf(async (message) => void seen.push(message));
    assignment.assign(consumer, [0, 1]);
    const { payload, messages } = fetched(1, 41, 2, commits);
    assignment.take(payload);
    await pause(20);
    await end();
    expect(seen.map(({ partition, offset }) => [partition, offset])).toEqual([
      [1, 41n],
      [1, 42n],
    ]);
    expect(seen[0]).toMatchObject({
      topic: "images",
      timestamp: new Date(1_700_000_000_000),
      key: Buffer.from("k"),
      value: Buffer.of(7),
    });
    expect(
      Object.entries(seen[0]?.headers ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString()]),
    ).toEqual([
      ["one", "1"],
      ["many", "2"],
      ["none", ""],
    ]);
    expect(commits.at(-1)).toBe("1:44"); // Behind the mark of a transaction at 43.
    expect(messages[0]?.value).toBeNull(); // The response that it was a view of is let go.
  });

  it("is not committed after it was given back, and what comes then is not taken", async () => {
    const commits: string[] = [];
    const finish: (() => void)[] = [];
    const { assignment, consumer, said, end } = memberOf(
      () => new Promise<void>((resolve) => void finish.push(resolve)),
    );
    assignment.assign(consumer, [0]);
    assignment.take(fetched(0, 0, 3, commits).payload);
    await pause(5);
    finish[0]?.();
    await assignment.revoke();
    expect(commits).toEqual(["0:1"]);
    const before = said.length;
    assignment.take(fetched(0, 3, 3, commits).payload);
    for (const one of finish) one();
    await pause(20);
    await end();
    expect([finish.length, commits, said.length]).toEqual([3, ["0:1"], before]);
  });

  it("is fetched no further while too much is held, whoever holds it, and again after", async () => {
    const finish: (() => void)[] = [];
    const { assignment, consumer, said, end } = memberOf(
      () => new Promise<void>((resolve) => void finish.push(resolve)),
      300,
    );
    assignment.assign(consumer, [0, 1]);
    assignment.take(fetched(0, 0, 2, [], 200).payload);
    await pause(5);
    expect(said).toEqual(["+0,1", "-0", "-1"]);
    for (const one of finish) one();
    await pause(5);
    expect(said.slice(3)).toEqual(["+0", "+1"]);
    await end();
  });

  it("does not mind that the consumer has just ended", async () => {
    const { assignment, end } = memberOf(async () => undefined, 1);
    const gone = () => {
      throw new TypeError("Consumer group was not initialized");
    };
    assignment.assign({ pause: gone, resume: () => undefined }, [0]);
    assignment.take(fetched(0, 0, 2, []).payload);
    await pause(5);
    await end();
  });
});
