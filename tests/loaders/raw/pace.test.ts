import { describe, expect, it } from "@jest/globals";
import { isQuotaHigh, loadIntervalMs, loadPace } from "../../../loaders/raw/pace.ts";
import { manualClock } from "../../manual-clock.ts";

const limit = 1500;

describe("pace of loads", () => {
  it("is free while little of the quota is used, and where nothing is counted", () => {
    expect(loadIntervalMs({ used: 299, limit })).toBe(0);
    expect(loadIntervalMs({ used: 1e9, limit: Number.POSITIVE_INFINITY })).toBe(0);
  });

  it("never uses more than nine tenths of a day's quota, however often it is asked", () => {
    const loads: number[] = [];
    const dayMs = 86_400_000;
    let most = 0;
    let lastMs = Number.NEGATIVE_INFINITY;
    for (let nowMs = 0; nowMs < 3 * dayMs; nowMs += 10_000) {
      while ((loads[0] ?? nowMs) <= nowMs - dayMs) loads.shift();
      most = Math.max(most, loads.length);
      if (nowMs - lastMs < loadIntervalMs({ used: loads.length, limit })) continue;
      loads.push(nowMs);
      lastMs = nowMs;
    }
    expect(most).toBeGreaterThan(1000);
    expect(most).toBeLessThanOrEqual(1350);
  });

  it("gives each table its own turn", () => {
    const clock = manualClock("2026-01-31T10:00:00.000Z");
    const isDue = loadPace(clock);
    const quota = { used: 500, limit };
    expect([isDue("customer", quota), isDue("image_received", quota), isDue("customer", quota)]).toEqual([
      true,
      true,
      false,
    ]);
    clock.advance(90_000);
    expect(isDue("customer", quota)).toBe(true);
    expect(isDue("customer", { used: 1400, limit })).toBe(false);
  });

  it("is high from four fifths on", () => {
    expect([1199, 1200].map((used) => isQuotaHigh({ used, limit }))).toEqual([false, true]);
  });
});
