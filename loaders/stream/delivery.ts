/** Hands the messages of several partitions to one handler: bounded, in order, again after a rejection, committed behind. */

import { setMaxListeners } from "node:events";
import { committer } from "./commits.ts";
import {
  type Handle,
  type HandOut,
  type Partition,
  partitionOf,
  type RetryOptions,
  readPartition,
} from "./hand-out.ts";
import { inFlight } from "./in-flight.ts";
import type { PartitionSource, Readable } from "./partition-source.ts";
import { type ConsumeOptions, usualMaxInFlightBytes } from "./stream.ts";

export interface DeliveryOptions extends Partial<RetryOptions> {
  /** Commits are written at most so often. @default 100 */
  readonly commitMs?: number;
}

/** A consumption whose partitions may come and go. */
export interface Delivery<Item extends Readable> {
  /** Aborts when nothing new is handed out: on the caller's signal, on the closing of the stream, or on a failure. */
  readonly stopped: AbortSignal;
  /** Hands out the messages of a partition from now on. */
  add(source: PartitionSource<Item>): void;
  /**
   * Takes a partition away: nothing new of it is handed out; what is in flight is waited for, and what is done is committed,
   * for at most `graceMs` together. After that nothing of it is ever committed, whatever finishes later.
   */
  remove(source: PartitionSource<Item>, graceMs: number): Promise<void>;
  /** Ends the consumption; `finish` throws the first of such errors. */
  fail(error: unknown): void;
  /** Resolves when it has stopped and all that was in flight is finished and committed. */
  finish(): Promise<void>;
}

/** Runs until one of the signals, or until a source fails; then what is in flight is finished and committed. */
export async function deliver<Item extends Readable>(
  sources: readonly PartitionSource<Item>[],
  handle: Handle,
  limits: ConsumeOptions,
  options: DeliveryOptions,
  closing: AbortSignal = limits.signal,
): Promise<void> {
  const delivery = startDelivery<Item>(handle, limits, options, closing);
  for (const source of sources) delivery.add(source);
  await delivery.finish();
}

/** Starts with no partition; runs until one of the signals, or until something fails. */
export function startDelivery<Item extends Readable>(
  handle: Handle,
  { signal, maxInFlight = 16, maxInFlightBytes = usualMaxInFlightBytes }: ConsumeOptions,
  options: DeliveryOptions,
  closing: AbortSignal = signal,
): Delivery<Item> {
  const partitions = new Set<Partition<Item>>();
  const running = new Set<Promise<unknown>>();
  const failures: unknown[] = [];
  const { stop, release } = stopOn(signal, closing);
  const commits = committer(partitions, options.commitMs ?? defaults.commitMs);

  function fail(error: unknown): void {
    failures.push(error);
    stop.abort();
  }

  const handOut: HandOut = {
    handle,
    room: inFlight(maxInFlight, maxInFlightBytes),
    options: { ...defaults, ...options },
    fail,
    commitSoon: commits.soon,
  };

  async function run(partition: Partition<Item>): Promise<void> {
    const end = (): void => partition.stop.abort();
    if (stop.signal.aborted) end();
    stop.signal.addEventListener("abort", end);
    await readPartition(handOut, partition).catch(fail);
    await Promise.all(partition.working);
    stop.signal.removeEventListener("abort", end);
  }

  return {
    stopped: stop.signal,
    add(source) {
      const partition = partitionOf(source);
      partitions.add(partition);
      const work = run(partition);
      running.add(work);
      void work.then(() => running.delete(work));
    },
    async remove(source, graceMs) {
      const partition = [...partitions].find((one) => one.source === source);
      if (partition === undefined) return;
      partition.stop.abort();
      const orderly = Promise.all(partition.working).then(() => undefined);
      // What does not finish in time must not keep what is done from being committed.
      await atMost(graceMs / 2, orderly);
      await atMost(graceMs / 2, commits.writeNow(partition));
      partition.isOver = true;
      partitions.delete(partition);
    },
    fail,
    async finish() {
      await aborted(stop.signal);
      while (running.size > 0) await Promise.all(running);
      await commits.finish().catch(fail);
      release();
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** A controller that ends with the first of the signals. Not AbortSignal.any: it leaves something behind in signals that live long. */
function stopOn(...signals: readonly AbortSignal[]) {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // Every partition listens; Node.js would take more than ten for a leak.
  const end = (): void => stop.abort();
  if (signals.some(({ aborted }) => aborted)) end();
  for (const signal of signals) signal.addEventListener("abort", end);
  const release = (): void => {
    for (const signal of signals) signal.removeEventListener("abort", end);
  };
  return { stop, release };
}

/** Waits for the signal. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Waits for work whose failure does not matter here, but not longer than that. */
async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const late = new AbortController();
  const inTime = work.catch(() => undefined).then(() => late.abort());
  await Promise.race([inTime, sleep(ms, late.signal)]);
}

/** Waits; resolves early on the signal. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish, { once: true });
  });
}

const defaults = {
  retryMinMs: 200,
  retryMaxMs: 30_000,
  commitMs: 100,
  random: Math.random,
  sleep,
};
