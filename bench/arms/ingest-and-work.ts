/** What `darkroom ingest` and `darkroom work --once` do, in one process, into an empty lake. */

import { join } from "node:path";
import { openPlatform } from "../../cli/wiring.ts";
import { readConfig } from "../../core/config.ts";
import { ingest } from "../../loaders/folder/ingest.ts";
import { work } from "../../processor/worker.ts";

const [input, scratch] = [String(process.argv[2]), String(process.argv[3])];
const config = readConfig({
  DARKROOM_IMAGES: `folder:${join(scratch, "images")}`,
  DARKROOM_EVENTS: `folder:${join(scratch, "events")}`,
});
const platform = await openPlatform({ config, logLevel: "warn" });
await platform.customers.upsert([
  { customer_id: "c1", name: "c1", plan: null, country: null, is_active: true },
]);
const { signal } = new AbortController();

const startedMs = performance.now();
await ingest(platform.intake, { path: input, customerId: "c1", isDryRun: false, signal });
const { processed } = await work(await platform.worker(), { signal, untilIdle: true });
console.log(JSON.stringify({ images: processed, seconds: (performance.now() - startedMs) / 1000 }));
await platform.close();
