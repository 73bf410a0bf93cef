/** What of one partition may be committed: the contiguous prefix of messages that are done, whatever order they finish in. */

/** What a prefix is made of: an offset, and where the log goes on behind it when that is not the next one. */
interface Placed {
  readonly offset: bigint;
  readonly next?: bigint;
}

export interface OffsetPrefix<Item extends Placed> {
  /** Notes that the item was handed out. Offsets must grow; gaps are allowed, since Kafka compacts its logs. */
  handOut(item: Item): void;
  /** Notes that the message at this offset is done; a second time changes nothing. */
  done(offset: bigint): void;
  /** The next offset to commit: everything handed out before it is done. */
  readonly next: bigint;
  /** The last item of the prefix, once there is one. */
  readonly last: Item | undefined;
  /** How many items were handed out and stand behind the prefix, done or not. */
  readonly ahead: number;
}

/** Tracks one partition that is read from `start` on. */
export function offsetPrefix<Item extends Placed>(start: bigint): OffsetPrefix<Item> {
  let waiting: Item[] = [];
  let first = 0;
  const finished = new Set<bigint>();
  let next = start;
  let last: Item | undefined;

  function advance(): void {
    for (
      let item = waiting[first];
      item !== undefined && finished.delete(item.offset);
      item = waiting[first]
    ) {
      last = item;
      next = item.next ?? item.offset + 1n;
      first += 1;
    }
    // Dropping the finished half now and then keeps both time and memory linear.
    if (first > 1024 && first * 2 > waiting.length) {
      waiting = waiting.slice(first);
      first = 0;
    }
  }

  return {
    handOut: (item) => void waiting.push(item),
    done(offset) {
      if (offset < next) return;
      finished.add(offset);
      advance();
    },
    get next() {
      return next;
    },
    get last() {
      return last;
    },
    get ahead() {
      return waiting.length - first;
    },
  };
}
