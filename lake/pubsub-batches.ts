/** Many small calls as few large ones: what is asked for while one is under way goes together in the next. */

import { setImmediate as nextTurn } from "node:timers/promises";

export interface BatchOptions<Item> {
  /** Items of one key may go together; batches of one key go one after the other. */
  readonly keyOf: (item: Item) => string;
  readonly send: (items: readonly Item[]) => Promise<void>;
  /** Items in one batch. */
  readonly most: number;
}

interface Waiting<Item> {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The returned function resolves or rejects as the batch did that its item went with. */
export function createBatches<Item>(options: BatchOptions<Item>): (item: Item) => Promise<void> {
  const queues = new Map<string, Waiting<Item>[]>();

  async function empty(key: string, queue: Waiting<Item>[]): Promise<void> {
    await nextTurn();
    while (queue.length > 0) {
      const batch = queue.splice(0, options.most);
      try {
        await options.send(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    queues.delete(key);
  }

  return (item) =>
    new Promise((resolve, reject) => {
      const key = options.keyOf(item);
      const queue = queues.get(key);
      if (queue !== undefined) {
        queue.push({ item, resolve, reject });
        return;
      }
      const started = [{ item, resolve, reject }];
      queues.set(key, started);
      void empty(key, started);
    });
}
