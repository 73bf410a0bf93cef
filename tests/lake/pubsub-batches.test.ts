import { describe, expect, it } from "@jest/globals";
import { Unavailable } from "../../core/errors.ts";
import { createBatches } from "../../lake/pubsub-batches.ts";

interface Item {
  readonly key: string;
  readonly value: number;
}

const items = (key: string, ...values: readonly number[]): readonly Item[] =>
  values.map((value) => ({ key, value }));

function recorder(answer: (batch: readonly Item[]) => Promise<void> = async () => {}) {
  const sent: (readonly number[])[] = [];
  const add = createBatches<Item>({
    keyOf: ({ key }) => key,
    most: 3,
    send: async (batch) => {
      sent.push(batch.map(({ value }) => value));
      await answer(batch);
    },
  });
  return { sent, add };
}

describe("batches", () => {
  it("send together what is asked for together, at most so many at a time", async () => {
    const { sent, add } = recorder();
    await Promise.all(items("a", 1, 2, 3, 4, 5).map(add));
    expect(sent).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it("gather what is asked for while one is under way", async () => {
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const { sent, add } = recorder(() => arrived);
    const first = Promise.all(items("a", 1).map(add));
    await new Promise((resolve) => setImmediate(resolve));
    const others = Promise.all(items("a", 2, 3).map(add));
    arrive();
    await Promise.all([first, others]);
    expect(sent).toEqual([[1], [2, 3]]);
  });

  it("keep keys apart", async () => {
    const { sent, add } = recorder();
    await Promise.all([...items("a", 1), ...items("b", 2), ...items("a", 3)].map(add));
    expect(sent.sort()).toEqual([[1, 3], [2]]);
  });

  it("fail for the items of the batch that failed, and for no others", async () => {
    const { add } = recorder(async (batch) => {
      if (batch.some(({ value }) => value === 2)) throw new Unavailable("not now");
    });
    const results = await Promise.allSettled(items("a", 1, 2, 3, 4).map(add));
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected", "fulfilled"]);
    await expect(add({ key: "a", value: 5 })).resolves.toBeUndefined();
  });
});
