import { describe, expect, it } from "@jest/globals";
import { createFlow } from "../../lake/pubsub-flow.ts";
import { manualClock } from "../manual-clock.ts";

const mebibyte = 1024 * 1024;

function openFlow(limits: { maxMessages?: number; maxBytes?: number } = {}) {
  const clock = manualClock();
  const flow = createFlow({ maxMessages: 1000, maxBytes: 1024 * mebibyte, ...limits }, clock.elapsedMs);
  /** As a consumer does that takes a whole batch in `ms`. */
  const consume = (ms: number) => {
    const count = flow.room();
    flow.came(count);
    clock.advance(ms);
    return count;
  };
  return { flow, consume };
}

describe("flow control", () => {
  it("asks for more at a time while the consumer is quick, up to a bound", () => {
    const { consume } = openFlow();
    expect(Array.from({ length: 8 }, () => consume(100))).toEqual([4, 8, 16, 32, 64, 128, 256, 256]);
  });

  it("asks for less at a time while the consumer is slow, and for one at least", () => {
    const { consume } = openFlow();
    expect(Array.from({ length: 4 }, () => consume(5000))).toEqual([4, 2, 1, 1]);
  });

  it("asks for as many while the consumer takes them in about a second", () => {
    const { consume } = openFlow();
    expect(Array.from({ length: 3 }, () => consume(1000))).toEqual([4, 4, 4]);
  });

  it("does not ask for more at a time when less came than was asked for", () => {
    const { flow } = openFlow();
    expect(flow.room()).toBe(4);
    flow.came(1);
    expect(flow.room()).toBe(4);
  });

  it("has room for what is left of the messages", () => {
    const { flow } = openFlow({ maxMessages: 3 });
    const first = flow.hold(1000);
    flow.hold(1000);
    expect(flow.room()).toBe(1);
    flow.hold(1000);
    expect(flow.room()).toBe(0);
    flow.release(first, false);
    expect(flow.room()).toBe(1);
  });

  it("has room for what is left of the bytes, by the pictures' average", () => {
    const { flow } = openFlow({ maxBytes: 10 * mebibyte });
    const bytes = [2, 2, 2, 2].map((size) => flow.hold(size * mebibyte));
    expect(flow.room()).toBe(1);
    flow.hold(2 * mebibyte);
    expect(flow.room()).toBe(0);
    flow.release(Number(bytes[0]), false);
    expect(flow.room()).toBe(1);
  });

  it("counts a picture of unknown size as an average one", () => {
    const { flow } = openFlow();
    for (let count = 0; count < 100; count += 1) flow.hold(3 * mebibyte);
    expect(flow.hold(undefined) / mebibyte).toBeCloseTo(3, 2);
  });

  it("never lets the consumer have more than the limit, but one picture of any size", () => {
    const { flow } = openFlow({ maxBytes: 10 * mebibyte });
    const huge = flow.hold(50 * mebibyte);
    expect(flow.mayHandOut(huge)).toBe(true);
    flow.handOut(huge);
    const small = flow.hold(1);
    expect(flow.mayHandOut(small)).toBe(false);
    flow.release(huge, true);
    expect(flow.mayHandOut(small)).toBe(true);
  });

  it("counts empty objects", () => {
    const { flow } = openFlow({ maxMessages: 300 });
    for (let count = 0; count < 200; count += 1) flow.hold(0);
    expect(flow.room()).toBe(4);
  });
});
