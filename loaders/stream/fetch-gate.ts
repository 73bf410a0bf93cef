/** Decides which partitions are fetched further, so that what a consumption holds in memory stays bounded. */

export interface FetchGate {
  /** Notes bytes that came for a partition and wait to be handed out. */
  fetched(partition: number, bytes: number): void;
  /** Notes that bytes of a partition were handed out; they are still held. */
  handedOut(partition: number, bytes: number): void;
  /** Notes that bytes that were handed out are done or given up. */
  released(bytes: number): void;
}

export interface FetchGateOptions {
  /** No partition is fetched while so many bytes are held: waiting, handed out, and waiting for a retry. */
  readonly maxHeldBytes: number;
  /** A partition is not fetched while so many of its bytes wait. */
  readonly maxWaitingBytes: number;
  /** Told when a partition is to be fetched no more, or again. All are fetched at first. */
  readonly setPaused: (partition: number, isPaused: boolean) => void;
}

export function fetchGate(
  partitions: readonly number[],
  { maxHeldBytes, maxWaitingBytes, setPaused }: FetchGateOptions,
): FetchGate {
  const waiting = new Map(partitions.map((partition) => [partition, 0]));
  const paused = new Set<number>();
  let held = 0;
  let isFull = false;

  function decide(partition: number): void {
    const isPaused = isFull || (waiting.get(partition) ?? 0) >= maxWaitingBytes;
    if (isPaused === paused.has(partition)) return;
    if (isPaused) paused.add(partition);
    else paused.delete(partition);
    setPaused(partition, isPaused);
  }

  function hold(bytes: number): void {
    held += bytes;
    if (isFull === held >= maxHeldBytes) return;
    isFull = !isFull;
    for (const partition of waiting.keys()) decide(partition);
  }

  function wait(partition: number, bytes: number): void {
    waiting.set(partition, (waiting.get(partition) ?? 0) + bytes);
    decide(partition);
  }

  return {
    fetched(partition, bytes) {
      hold(bytes);
      wait(partition, bytes);
    },
    handedOut: (partition, bytes) => wait(partition, -bytes),
    released: (bytes) => hold(-bytes),
  };
}
