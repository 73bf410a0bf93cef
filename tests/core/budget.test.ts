import { describe, expect, it } from "@jest/globals";
import { createBudget } from "../../core/budget.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("budget", () => {
  it("lets the next one in when there is room again, in order of asking", async () => {
    const budget = createBudget(2);
    const order: string[] = [];
    const first = await budget.take();
    await budget.take();
    budget.take().then(() => order.push("third"));
    budget.take().then(() => order.push("fourth"));
    await settled();
    expect(order).toEqual([]);
    first();
    await settled();
    expect(order).toEqual(["third"]);
  });

  it("gives all of it to who asks for more than there is", async () => {
    const budget = createBudget(10);
    const release = await budget.take(1000);
    let isIn = false;
    budget.take(1).then(() => {
      isIn = true;
    });
    await settled();
    expect(isIn).toBe(false);
    release();
    release();
    await settled();
    expect(isIn).toBe(true);
  });

  it("tells when everything was given back", async () => {
    const budget = createBudget(3);
    const release = await budget.take(2);
    let isFree = false;
    budget.whenFree().then(() => {
      isFree = true;
    });
    await settled();
    expect(isFree).toBe(false);
    release();
    await settled();
    expect(isFree).toBe(true);
  });
});
