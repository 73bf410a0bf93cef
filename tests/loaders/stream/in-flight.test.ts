import { describe, expect, it } from "@jest/globals";
import { inFlight } from "../../../loaders/stream/in-flight.ts";

describe("what is in flight", () => {
  const { signal } = new AbortController();

  it("lets the next one in, in order, when one leaves: a small one does not pass a large one", async () => {
    const room = inFlight(10, 100);
    const leave = await room.enter(60, signal);
    const entered: string[] = [];
    const large = room.enter(80, signal).then(() => entered.push("large"));
    const small = room.enter(10, signal).then(() => entered.push("small"));
    await Promise.resolve();
    expect(entered).toEqual([]);
    leave?.();
    await Promise.all([large, small]);
    expect(entered).toEqual(["large", "small"]);
  });

  it("gives room back once only", async () => {
    const room = inFlight(1, 100);
    const leave = await room.enter(1, signal);
    leave?.();
    await room.enter(1, signal);
    leave?.();
    const abort = new AbortController();
    const third = room.enter(1, abort.signal);
    abort.abort();
    expect(await third).toBeUndefined();
  });

  it("does not keep those behind waiting for one whose signal has ended its wait", async () => {
    const room = inFlight(10, 100);
    await room.enter(60, signal);
    const abort = new AbortController();
    const large = room.enter(80, abort.signal);
    const small = room.enter(10, signal);
    abort.abort();
    expect(await large).toBeUndefined();
    expect(await small).toBeDefined();
  });
});
