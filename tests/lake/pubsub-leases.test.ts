import { describe, expect, it } from "@jest/globals";
import { createLeaseBook, type Lease } from "../../lake/pubsub-leases.ts";
import { manualClock } from "../manual-clock.ts";

const lease = (name: string): Lease => ({ subscription: "s", ackId: `ack-${name}`, messageId: name });

function openBook() {
  const clock = manualClock();
  const book = createLeaseBook({ leaseMs: 60_000, longestMs: 600_000, elapsedMs: clock.elapsedMs });
  return { clock, book };
}

describe("lease book", () => {
  it("says that a lease is due well before the shortest deadline that a subscription can have", () => {
    const { clock, book } = openBook();
    const one = lease("1");
    book.enter(one);
    clock.advance(3999);
    expect(book.due()).toEqual([]);
    clock.advance(1);
    expect(book.due()).toEqual([one]);
  });

  it("says so again when half of the extension has passed", () => {
    const { clock, book } = openBook();
    const one = lease("1");
    book.enter(one);
    clock.advance(4000);
    book.extended([one]);
    clock.advance(29_999);
    expect(book.due()).toEqual([]);
    clock.advance(1);
    expect(book.due()).toEqual([one]);
  });

  it("keeps a lease due until it is extended", () => {
    const { clock, book } = openBook();
    const one = lease("1");
    book.enter(one);
    clock.advance(5000);
    expect([book.due(), book.due()]).toEqual([[one], [one]]);
  });

  it("forgets what is struck, also when it is extended afterwards", () => {
    const { clock, book } = openBook();
    const one = lease("1");
    book.enter(one);
    book.strike(one);
    book.extended([one]);
    clock.advance(60_000);
    expect([book.due(), book.has(one), book.size]).toEqual([[], false, 0]);
  });

  it("lets go of what was held for too long, and of nothing else", () => {
    const { clock, book } = openBook();
    const [old, young] = [lease("1"), lease("2")];
    book.enter(old);
    clock.advance(1000);
    book.enter(young);
    clock.advance(599_000);
    expect(book.strikeTooLong()).toEqual([old]);
    expect([book.has(old), book.has(young)]).toEqual([false, true]);
  });
});
