import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { offsetPrefix } from "../../../loaders/stream/offsets.ts";

describe("the offset prefix", () => {
  it("stays before the first message that is not done", () => {
    const prefix = offsetPrefix<{ offset: bigint }>(5n);
    for (const offset of [5n, 6n, 7n]) prefix.handOut({ offset });
    prefix.done(6n);
    expect([prefix.next, prefix.last, prefix.ahead]).toEqual([5n, undefined, 3]);
    prefix.done(5n);
    expect([prefix.next, prefix.last, prefix.ahead]).toEqual([7n, { offset: 6n }, 1]);
    prefix.done(5n);
    prefix.done(7n);
    expect([prefix.next, prefix.last, prefix.ahead]).toEqual([8n, { offset: 7n }, 0]);
  });

  it("is the contiguous part of what is done, for any gaps and any order", () => {
    const offsets = fc.uniqueArray(fc.bigInt({ min: 0n, max: 200n }), { minLength: 1, maxLength: 60 });
    const cases = offsets.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all)));
    fc.assert(
      fc.property(cases, ([all, done]) => {
        const ordered = [...all].sort((one, other) => (one < other ? -1 : 1));
        const prefix = offsetPrefix<{ offset: bigint }>(0n);
        for (const offset of ordered) prefix.handOut({ offset });
        let before = 0n;
        for (const offset of done) {
          prefix.done(offset);
          expect(prefix.next >= before).toBe(true);
          before = prefix.next;
        }
        const open = ordered.findIndex((offset) => !done.includes(offset));
        const contiguous = open < 0 ? ordered : ordered.slice(0, open);
        expect(prefix.last?.offset).toEqual(contiguous.at(-1));
        expect(prefix.next).toBe((contiguous.at(-1) ?? -1n) + 1n);
        expect(prefix.ahead).toBe(ordered.length - contiguous.length);
      }),
      { numRuns: 200 },
    );
  });

  it("stays small over a long stream", () => {
    const prefix = offsetPrefix<{ offset: bigint }>(0n);
    for (let offset = 0n; offset < 100_000n; offset += 1n) {
      prefix.handOut({ offset });
      if (offset >= 16n) prefix.done(offset - 16n);
    }
    expect(prefix.next).toBe(99_984n);
    expect(prefix.ahead).toBe(16);
  });

  it("goes on behind what follows the last message, where the item tells it", () => {
    const prefix = offsetPrefix<{ offset: bigint; next?: bigint }>(0n);
    prefix.handOut({ offset: 0n });
    prefix.handOut({ offset: 3n, next: 7n });
    prefix.done(3n);
    expect(prefix.next).toBe(0n);
    prefix.done(0n);
    expect(prefix.next).toBe(7n);
  });
});
