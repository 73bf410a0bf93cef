/** Joins ports to adapters, by the settings: the only place that knows which adapter stands behind a port. */

import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { type Clock, systemClock } from "../core/clock.ts";
import { type Config, readConfig } from "../core/config.ts";
import { createLog, type Log, type LogLevel } from "../core/log.ts";
import { createMetrics, type Metrics } from "../core/metrics.ts";
import type { Arrivals } from "../lake/arrivals.ts";
import type { Lake, LakeLinks } from "../lake/lake.ts";
import { type SegmentWriter, segmentWriter } from "../lake/segments.ts";
import { type Customers, lakeCustomers } from "../loaders/customers/customers.ts";
import { takeIncoming } from "../loaders/incoming.ts";
import type { IntakeEnvironment } from "../loaders/intake.ts";
import type { ClaimReader } from "../loaders/stream/fetch-claim.ts";
import type { Stream } from "../loaders/stream/stream.ts";
import { bodyBuffers } from "../loaders/upload/buffers.ts";
import type { UploadEnvironment } from "../loaders/upload/images.ts";
import { standardRecipe } from "../processor/recipe.ts";
import type { WorkerEnvironment } from "../processor/worker.ts";
import { type CompileOptions, compileProject } from "../warehouse/graph/compile.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import {
  openClaims,
  openEvents,
  openImages,
  openProcessor,
  openStream,
  openUploads,
  openWarehouse,
} from "./adapters.ts";

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
  /** Where direct uploads go; undefined where there are none. */
  readonly uploads: (Lake & LakeLinks) | undefined;
  readonly customers: Customers;
  readonly intake: IntakeEnvironment;
  segments(): SegmentWriter;
  worker(): Promise<WorkerEnvironment>;
  upload(): UploadEnvironment;
  stream(): Promise<Stream>;
  /** What fetches the images that messages of the stream only name. */
  claims(): Promise<ClaimReader>;
  warehouse(): Promise<Warehouse>;
  /** Closes what was opened. */
  close(): Promise<void>;
}

/** Reads the settings and joins the platform. Throws `Misconfigured` with every problem of the settings. */
export async function openPlatform(
  options: { readonly logLevel?: LogLevel; readonly config?: Config } = {},
): Promise<Platform> {
  const config = options.config ?? readConfig();
  const clock = systemClock;
  const log = createLog(options.logLevel ?? config.DARKROOM_LOG_LEVEL);
  const metrics = createMetrics();
  const { images, arrivals, links } = await openImages(config, log);
  const events = await openEvents(config);
  const uploads = await openUploads(config);
  const customers = lakeCustomers({ lake: events });
  const intake = { lake: images, customers, clock, metrics, maxImageBytes: config.DARKROOM_MAX_IMAGE_BYTES };
  const stream = once(() => openStream(config, log));
  const warehouse = once(() => openWarehouse(config, { events, project: defaultProject, clock, log }));
  const segments = lazily(() => segmentWriter({ lake: events, limits: segmentLimits(config) }));

  return {
    config,
    clock,
    log,
    metrics,
    images,
    events,
    arrivals,
    uploads,
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
        ...(uploads && {
          takeIncoming: (key) => takeIncoming({ ...intake, uploads }, key).then(() => undefined),
        }),
      };
    },
    upload: () => ({
      ...intake,
      recipe: standardRecipe,
      links: config.DARKROOM_SIGNED_URLS === "on" ? links : undefined,
      uploads,
      // Half is the most for one customer, and that must hold one largest image.
      buffers: bodyBuffers(Math.max(config.DARKROOM_BUFFER_BYTES, 2 * config.DARKROOM_MAX_IMAGE_BYTES + 2)),
      hasRoom: roomIn(arrivals, config, metrics, clock),
    }),
    stream,
    claims: () => openClaims(config),
    warehouse,
    async close() {
      await (await stream.opened())?.close();
      await (await warehouse.opened())?.close();
      await arrivals.close();
      for (const lake of [images, events, uploads]) await lake?.close();
    },
  };
}

/** The project in dataform.json: what models and queries belong to on one machine. */
export const defaultProject: string = createRequire(import.meta.url)("../dataform.json").defaultDatabase;

/** The graph of this package's models, for the project of the warehouse. */
export function compileModels({ project }: Pick<Warehouse, "project">): ReturnType<typeof compileProject> {
  const options: CompileOptions = { defaultDatabase: project };
  return compileProject(projectDirectory, options);
}

function segmentLimits(config: Config) {
  return {
    rows: config.DARKROOM_SEGMENT_ROWS,
    bytes: config.DARKROOM_SEGMENT_BYTES,
    ageMs: config.DARKROOM_SEGMENT_AGE_MS,
  };
}

/**
 * Whether fewer images wait than the limit; counted at most once a second, since doors ask for every image. Where the service
 * does not count what waits, it also has room for it.
 */
function roomIn(arrivals: Arrivals, config: Config, metrics: Metrics, clock: Clock): () => Promise<boolean> {
  let counted = { atMs: Number.NEGATIVE_INFINITY, waiting: 0 };
  return async () => {
    if (clock.elapsedMs() - counted.atMs > 1000) {
      counted = { ...counted, atMs: clock.elapsedMs() };
      counted = { ...counted, waiting: (await arrivals.waiting()) ?? 0 };
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
