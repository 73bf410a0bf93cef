/** Writes the commits of all partitions together, some time after the first message that is done. */

import type { Partition } from "./hand-out.ts";
import type { Readable } from "./partition-source.ts";

export interface Committer<Item extends Readable> {
  /** Writes before long what is done by then. */
  soon(): void;
  /** Writes now what is done of one partition. */
  writeNow(partition: Partition<Item>): Promise<void>;
  /** Writes now what is done of all. @throws what the first partition that could not be committed threw */
  finish(): Promise<void>;
}

/** A commit that could not be written is tried again after so long, not at the pace of the messages. */
const retryMs = 1_000;

export function committer<Item extends Readable>(
  partitions: ReadonlySet<Partition<Item>>,
  everyMs: number,
): Committer<Item> {
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function writeAll(): Promise<void> {
    const results = await Promise.allSettled([...partitions].map(write));
    const failure = results.find((result) => result.status === "rejected");
    if (failure) throw failure.reason;
  }

  function after(ms: number): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      // A commit that cannot be written now is tried again; what it covers would only be delivered once more.
      writing = writing.then(writeAll).catch(() => after(Math.max(retryMs, everyMs)));
    }, ms);
  }

  return {
    soon: () => after(everyMs),
    async writeNow(partition) {
      await writing;
      await write(partition);
    },
    async finish() {
      await writing;
      clearTimeout(timer);
      await writeAll();
    },
  };
}

async function write<Item extends Readable>(partition: Partition<Item>): Promise<void> {
  const { next, last } = partition.prefix;
  if (partition.isOver || next === partition.committed || last === undefined) return;
  await partition.source.commit(next, last);
  partition.committed = next;
}
