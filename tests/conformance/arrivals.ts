/** The promises of the arrivals' port, as tests: every adapter passes the same suite. */

import { describe, expect, it } from "@jest/globals";
import type { Arrival, Arrivals } from "../../lake/arrivals.ts";
import type { Lake } from "../../lake/lake.ts";

export interface ArrivalsHarness {
  readonly lake: Lake;
  readonly arrivals: Arrivals;
  /** The same arrivals as another process would see them after this one died. */
  readonly restarted: () => Promise<Arrivals>;
  /** False where the service does not count what waits. @default true */
  readonly countsWaiting?: boolean;
  /** How long a delivery may take. @default 0 */
  readonly latencyMs?: number;
}

async function drain(arrivals: Arrivals, work: (arrival: Arrival) => Promise<void>): Promise<void> {
  const signal = AbortSignal.timeout(5000);
  for await (const arrival of arrivals.receive({ signal, untilIdle: true })) await work(arrival);
  expect(signal.aborted).toBe(false);
}

async function expectWaiting({ arrivals, countsWaiting = true }: ArrivalsHarness, count: number) {
  expect(await arrivals.waiting()).toBe(countsWaiting ? count : undefined);
}

export function arrivalsConformance(adapter: string, make: () => Promise<ArrivalsHarness>): void {
  describe(`arrivals: ${adapter}`, () => {
    it("delivers every created object once when each is acknowledged", async () => {
      const harness = await make();
      const { lake, arrivals } = harness;
      const keys = Array.from({ length: 300 }, (_, n) => `originals/ab/${n}`);
      for (const key of keys) await lake.create(key, Buffer.from(key));
      await expectWaiting(harness, 300);
      const seen: string[] = [];
      await drain(arrivals, async (arrival) => {
        seen.push(arrival.key);
        expect(arrival.attempt).toBe(1);
        await arrival.acknowledge();
      });
      expect(seen.sort()).toEqual(keys.sort());
      await expectWaiting(harness, 0);
    });

    it("delivers what was created while it waits", async () => {
      const { lake, arrivals } = await make();
      const stop = new AbortController();
      const seen: string[] = [];
      const receiving = (async () => {
        for await (const arrival of arrivals.receive({ signal: stop.signal })) {
          seen.push(arrival.key);
          await arrival.acknowledge();
          if (seen.length === 2) stop.abort();
        }
      })();
      await lake.create("originals/ab/one", Buffer.from("1"));
      await lake.create("originals/ab/two", Buffer.from("2"));
      await receiving;
      expect(seen.sort()).toEqual(["originals/ab/one", "originals/ab/two"]);
    });

    it("delivers again what was given back, after the delay, with the next attempt", async () => {
      const { lake, arrivals } = await make();
      await lake.create("originals/ab/one", Buffer.from("1"));
      const times: number[] = [];
      const attempts: number[] = [];
      await drain(arrivals, async (arrival) => {
        times.push(performance.now());
        attempts.push(arrival.attempt);
        await (arrival.attempt < 3 ? arrival.giveBack(60) : arrival.acknowledge());
      });
      expect(attempts).toEqual([1, 2, 3]);
      expect(Number(times[2]) - Number(times[0])).toBeGreaterThan(110);
    });

    it("does not deliver twice what is being worked on", async () => {
      const harness = await make();
      const { lake, arrivals } = harness;
      await lake.create("originals/ab/one", Buffer.from("1"));
      const held: Arrival[] = [];
      const signal = AbortSignal.timeout(200 + (harness.latencyMs ?? 0));
      for await (const arrival of arrivals.receive({ signal })) held.push(arrival);
      expect(held).toHaveLength(1);
      await expectWaiting(harness, 1);
    });

    it("delivers unacknowledged arrivals to the next process, counting on", async () => {
      const { lake, arrivals, restarted } = await make();
      await lake.create("originals/ab/one", Buffer.from("1"));
      for await (const arrival of arrivals.receive({ signal: AbortSignal.timeout(2000) })) {
        expect(arrival.attempt).toBe(1);
        break;
      }
      const attempts: number[] = [];
      await drain(await restarted(), async (arrival) => {
        attempts.push(arrival.attempt);
        await arrival.acknowledge();
      });
      expect(attempts).toEqual([2]);
    });

    it("delivers what is announced again", async () => {
      const { lake, arrivals } = await make();
      await lake.create("originals/ab/one", Buffer.from("1"));
      await drain(arrivals, (arrival) => arrival.acknowledge());
      await arrivals.announce("originals/ab/one");
      const seen: string[] = [];
      await drain(arrivals, async (arrival) => {
        seen.push(arrival.key);
        await arrival.acknowledge();
      });
      expect(seen).toEqual(["originals/ab/one"]);
    });
  });
}
