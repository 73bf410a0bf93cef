/** Joins ports to adapters, by the settings: the only place that knows which adapter stands behind a port. */

import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { type Clock, systemClock } from "../core/clock.ts";
import { type Config, readConfig } from "../core/config.ts";
import { messageOf } from "../core/errors.ts";
import { createLog, type Log, type LogLevel } from "../core/log.ts";
import { createMetrics, type Metrics } from "../core/metrics.ts";
import type { Arrivals } from "../lake/arrivals.ts";
import { folderLake } from "../lake/folder.ts";
import { folderArrivals } from "../lake/folder-arrivals.ts";
import type { Lake } from "../lake/lake.ts";
import { isArrivalKey } from "../lake/layout.ts";
import { type SegmentWriter, segmentWriter } from "../lake/segments.ts";
import { type Customers, lakeCustomers } from "../loaders/customers/customers.ts";
import type { IntakeEnvironment } from "../loaders/intake.ts";
import type { Stream } from "../loaders/stream/stream.ts";
import { bodyBuffers } from "../loaders/upload/buffers.ts";
import type { UploadEnvironment } from "../loaders/upload/images.ts";
import { standardRecipe } from "../processor/recipe.ts";
import type { WorkerEnvironment } from "../processor/worker.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";

/** The version of this package. */
export const version: string = createRequire(import.meta.url)("../package.json").version;

/** The folder of this package: its definitions are the models that are run. */
export const projectDirectory = new URL("..", import.meta.url).pathname;

/** Everything that a command may need; what is costly to load or open is opened when it is first asked for. */
export interface Platform {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly images: Lake;
  readonly events: Lake;
  readonly arrivals: Arrivals;
  readonly customers: Customers;
  readonly intake: IntakeEnvironment;
  segments(): SegmentWriter;
  worker(): Promise<WorkerEnvironment>;
  upload(): UploadEnvironment;
  stream(): Promise<Stream>;
  warehouse(): Promise<Warehouse>;
  /** Closes what was opened. */
  close(): Promise<void>;
}

/** Reads the settings and joins the platform. Throws `Misconfigured` with every problem of the settings. */
export function openPlatform(
  options: { readonly logLevel?: LogLevel; readonly config?: Config } = {},
): Platform {
  const config = options.config ?? readConfig();
  const clock = systemClock;
  const log = createLog(options.logLevel ?? config.DARKROOM_LOG_LEVEL);
  const metrics = createMetrics();
  const { images, arrivals } = imageLake(config, log);
  const events = folderLake({ root: config.DARKROOM_EVENTS.location });
  const customers = lakeCustomers({ lake: events });
  const intake = { lake: images, customers, clock, metrics, maxImageBytes: config.DARKROOM_MAX_IMAGE_BYTES };
  const stream = once(() => openStream(config));
  const warehouse = once(() => openWarehouse(config.DARKROOM_WAREHOUSE.location));
  const segments = lazily(() => segmentWriter({ lake: events, limits: segmentLimits(config) }));

  return {
    config,
    clock,
    log,
    metrics,
    images,
    events,
    arrivals,
    customers,
    intake,
    segments,
    async worker() {
      const processor = await openProcessor(config);
      return {
        lake: images,
        arrivals,
        processor,
        recipe: standardRecipe,
        segments: segments(),
        clock,
        log,
        metrics,
        concurrency:
          config.DARKROOM_WORKER_CONCURRENCY === "auto"
            ? availableParallelism()
            : config.DARKROOM_WORKER_CONCURRENCY,
        maxAttempts: config.DARKROOM_WORKER_ATTEMPTS,
      };
    },
    upload: () => ({
      ...intake,
      recipe: standardRecipe,
      // Half is the most for one customer, and that must hold one largest image.
      buffers: bodyBuffers(Math.max(config.DARKROOM_BUFFER_BYTES, 2 * config.DARKROOM_MAX_IMAGE_BYTES + 2)),
      hasRoom: roomIn(arrivals, config, metrics, clock),
    }),
    stream,
    warehouse,
    async close() {
      await (await stream.opened())?.close();
      await (await warehouse.opened())?.close();
    },
  };
}

function imageLake(config: Config, log: Log): { images: Lake; arrivals: Arrivals } {
  const root = config.DARKROOM_IMAGES.location;
  const directory = config.DARKROOM_ARRIVALS.location;
  const arrivals = folderArrivals({
    root,
    ...(directory === "" ? {} : { directory }),
    onError: (error) => log.error({ error: messageOf(error) }, "a notice of arrival cannot be taken now"),
  });
  const announce = async (key: string) => {
    if (isArrivalKey(key)) await arrivals.announce(key);
  };
  return { images: folderLake({ root, announce }), arrivals };
}

async function openStream(config: Config): Promise<Stream> {
  const { journalStream } = await import("../loaders/stream/journal.ts");
  return journalStream({ root: config.DARKROOM_STREAM.location, topic: "images", group: "darkroom" });
}

async function openProcessor(config: Config) {
  const { isolatedProcessor } = await import("../processor/isolated.ts");
  return isolatedProcessor({
    maxPixels: config.DARKROOM_MAX_IMAGE_PIXELS,
    timeoutMs: config.DARKROOM_PROCESS_TIMEOUT_MS,
  });
}

/** The warehouse in the file at `path`; the project's name is the one in dataform.json. */
export async function openWarehouse(path: string): Promise<Warehouse> {
  const { duckdbWarehouse } = await import("../warehouse/duckdb.ts");
  return duckdbWarehouse({ path, project: warehouseProject });
}

/** The project that models and queries belong to unless they name another. */
export const warehouseProject: string = createRequire(import.meta.url)("../dataform.json").defaultDatabase;

function segmentLimits(config: Config) {
  return {
    rows: config.DARKROOM_SEGMENT_ROWS,
    bytes: config.DARKROOM_SEGMENT_BYTES,
    ageMs: config.DARKROOM_SEGMENT_AGE_MS,
  };
}

/** Whether fewer images wait than the limit; counted at most once a second, since doors ask for every image. */
function roomIn(arrivals: Arrivals, config: Config, metrics: Metrics, clock: Clock): () => Promise<boolean> {
  let counted = { atMs: Number.NEGATIVE_INFINITY, waiting: 0 };
  return async () => {
    if (clock.elapsedMs() - counted.atMs > 1000) {
      counted = { ...counted, atMs: clock.elapsedMs() };
      counted = { ...counted, waiting: await arrivals.waiting() };
      metrics.waiting.set(counted.waiting);
    }
    return counted.waiting < config.DARKROOM_MAX_WAITING_IMAGES;
  };
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Opens at the first call; `opened` tells what is open without opening it. */
function once<T>(open: () => Promise<T>): (() => Promise<T>) & { opened(): Promise<T | undefined> } {
  let opening: Promise<T> | undefined;
  const get = () => {
    opening ??= open();
    return opening;
  };
  return Object.assign(get, { opened: async () => opening?.catch(() => undefined) });
}
