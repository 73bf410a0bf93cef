import { describe, expect, it } from "@jest/globals";
import { faultsFor } from "../../chaos/faults.ts";
import { planFaults } from "../../chaos/schedule.ts";
import { worldKinds } from "../../chaos/world.ts";

const options = { windowMs: 6000, faults: [3, 6] } as const;
const seeds = Array.from({ length: 200 }, (_, index) => index + 1);

describe.each(worldKinds)("the plan of a seed in the %s world", (kind) => {
  const faults = faultsFor(kind);
  const plans = seeds.map((seed) => planFaults(seed, faults, options));

  it("is the same each time", () => {
    for (const [index, seed] of seeds.entries())
      expect(planFaults(seed, faults, options)).toEqual(plans[index]);
  });

  it("is another one for another seed", () => {
    expect(new Set(plans.map((plan) => JSON.stringify(plan))).size).toBe(seeds.length);
  });

  it("has every fault over by the end, in the order of their begin", () => {
    for (const plan of plans) {
      expect(plan.length).toBeGreaterThanOrEqual(1);
      expect(plan.length).toBeLessThanOrEqual(6);
      expect(plan.map(({ atMs }) => atMs)).toEqual(plan.map(({ atMs }) => atMs).sort((a, b) => a - b));
      for (const { atMs, forMs } of plan) expect(atMs + forMs).toBeLessThanOrEqual(options.windowMs);
    }
  });

  it("gives every fault its turn within as many seeds as there are faults, also when every fourth seed is run", () => {
    const namesOf = (some: typeof plans) => new Set(some.flatMap((plan) => plan.map(({ name }) => name)));
    const everyFourth = plans.filter((_, index) => index % 4 === 3);
    expect(namesOf(plans.slice(0, 2 * faults.length)).size).toBe(faults.length);
    expect(namesOf(everyFourth.slice(0, faults.length)).size).toBe(faults.length);
  });

  it("does not put a fault upon itself", () => {
    for (const plan of plans) {
      for (const [index, one] of plan.entries()) {
        const next = plan.slice(index + 1).find(({ name }) => name === one.name);
        if (next) expect(next.atMs).toBeGreaterThan(one.atMs + one.forMs);
      }
    }
  });
});
