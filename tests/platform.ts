/** A platform in memory for tests of the rooms above the lake: the reference adapters and real processing. */

import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import { createMetrics } from "../core/metrics.ts";
import type { Lake } from "../lake/lake.ts";
import { isArrivalKey } from "../lake/layout.ts";
import { memoryLake } from "../lake/memory.ts";
import { type MemoryArrivals, memoryArrivals } from "../lake/memory-arrivals.ts";
import { segmentWriter } from "../lake/segments.ts";
import { type Customers, lakeCustomers } from "../loaders/customers/customers.ts";
import type { IntakeEnvironment } from "../loaders/intake.ts";
import type { Processor } from "../processor/processor.ts";
import { standardRecipe } from "../processor/recipe.ts";
import { sharpProcessor } from "../processor/sharp.ts";
import type { WorkerEnvironment } from "../processor/worker.ts";

export interface TestPlatform {
  readonly lake: Lake;
  readonly events: Lake;
  readonly arrivals: MemoryArrivals;
  readonly customers: Customers;
  readonly intake: IntakeEnvironment;
  worker(processor?: Processor): WorkerEnvironment;
}

/** With the active customers c1 and c2, and c3 that is not active. */
export async function testPlatform({ maxImageBytes = 100_000 } = {}): Promise<TestPlatform> {
  const arrivals = memoryArrivals();
  const announce = async (key: string) => {
    if (isArrivalKey(key)) await arrivals.announce(key);
  };
  const lake = memoryLake({ announce });
  const events = memoryLake();
  const customers = lakeCustomers({ lake: events });
  await customers.upsert(
    ["c1", "c2", "c3"].map((id) => ({
      customer_id: id,
      name: id,
      plan: null,
      country: null,
      is_active: id !== "c3",
    })),
  );
  const metrics = createMetrics();
  return {
    lake,
    events,
    arrivals,
    customers,
    intake: { lake, customers, clock: systemClock, metrics, maxImageBytes },
    worker: (processor = sharpProcessor({ maxPixels: 1_000_000, timeoutMs: 10_000 })) => ({
      lake,
      arrivals,
      processor,
      recipe: standardRecipe,
      segments: segmentWriter({ lake: events, limits: { rows: 100, bytes: 1e6, ageMs: 10 } }),
      clock: systemClock,
      log: silentLog,
      metrics,
      concurrency: 4,
      maxAttempts: 3,
    }),
  };
}

/** All keys below a prefix. */
export async function keysBelow(lake: Lake, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const key of lake.list({ prefix })) keys.push(key);
  return keys;
}
