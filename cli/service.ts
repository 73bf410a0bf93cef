/** The whole platform in one process: doors, worker, loader, models and dashboard, until it is told to stop. */

import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Config } from "../core/config.ts";
import { hasCode, messageOf, Unavailable } from "../core/errors.ts";
import { dashboardRoutes } from "../dashboards/web/dashboard.ts";
import { loadPace } from "../loaders/raw/pace.ts";
import { consumeStream, type StreamDoorEnvironment } from "../loaders/stream/door.ts";
import type { UploadEnvironment } from "../loaders/upload/images.ts";
import { type ProbedEnvironment, probedServer, uploadServer } from "../loaders/upload/server.ts";
import { type WorkSummary, work } from "../processor/worker.ts";
import type { Run } from "./command.ts";
import { doneOf, loadSegments, runModels } from "./steps.ts";
import { version } from "./wiring.ts";

export interface Service {
  readonly url: string;
  readonly hasUploads: boolean;
  readonly hasDashboard: boolean;
  /** Arrivals that the worker is done with since the start. */
  done(): number;
  /** From now on segments are loaded and models run by themselves. */
  keepRefreshing(): void;
  /** Rejects when a part that should run until the end has ended. */
  readonly failed: Promise<never>;
  /** Drains: no more is taken in, what is in flight is finished, and what came of it is loaded and modelled. */
  stop(): Promise<void>;
}

/** Requests that have not ended so long after the stop are cut off; their senders were told nothing and send again. */
const drainMs = 5000;

type Host = Pick<Run, "platform" | "output">;

/** What can run by itself, so that doors, workers and loaders may grow apart. */
export const parts = ["upload", "stream", "worker", "loader"] as const;

export type Part = (typeof parts)[number];

/**
 * Starts the parts; port 0 takes any free one. Throws `Unavailable` when the port is taken, or the warehouse is held by
 * another process.
 */
export async function startService(
  run: Host,
  port: number,
  wanted: readonly Part[] = parts,
): Promise<Service> {
  const { platform } = run;
  const has = (part: Part) => wanted.includes(part);
  const stopDoors = new AbortController();
  const stopWorker = new AbortController();
  const refresher = createRefresher(run);
  const hasDashboard = has("loader") && showsDashboard(platform.config);
  const upload = platform.upload();
  // Opened now, so that what cannot be used (a warehouse that another process holds) is told of before anything starts.
  if (has("loader")) await platform.warehouse();
  const stream = has("stream") ? await platform.stream() : undefined;
  const fetchClaim = stream && (await platform.claims());
  const workplace = has("worker") ? await platform.worker() : undefined;
  const app = await createServer(
    run,
    has("upload") ? upload : undefined,
    hasDashboard,
    refresher.refreshedAt,
  );
  const url = await listen(app, platform.config.DARKROOM_HOST, port);

  const door = stream && consumeThrough(platform, { stream, fetchClaim, ...upload }, stopDoors.signal);
  let done = 0;
  const onDone = (summary: WorkSummary) => {
    done = doneOf(summary);
  };
  const worker = workplace && work(workplace, { signal: stopWorker.signal, onDone });
  const failed = Promise.race([endsWith(door, "stream door"), endsWith(worker, "worker")]);
  failed.catch(() => undefined);

  platform.log.info({ url, version, parts: wanted }, "started");

  return {
    url,
    hasUploads: has("upload"),
    hasDashboard,
    done: () => done,
    keepRefreshing: has("loader") ? refresher.start : () => {},
    failed,
    async stop() {
      stopDoors.abort();
      const late = setTimeout(() => app.server.closeAllConnections(), drainMs);
      await Promise.allSettled([app.close(), door]);
      clearTimeout(late);
      stopWorker.abort();
      await Promise.allSettled([worker]);
      if (has("loader")) await refresher.stop();
    },
  };
}

function consumeThrough(
  { clock, log, intake }: Host["platform"],
  door: Pick<StreamDoorEnvironment, "stream" | "fetchClaim"> & Pick<UploadEnvironment, "hasRoom">,
  signal: AbortSignal,
): Promise<void> {
  const { stream, fetchClaim, hasRoom } = door;
  const roomFor = async (waiting: AbortSignal) => {
    while (!waiting.aborted && !(await hasRoom())) await clock.sleep(500, waiting);
  };
  return consumeStream({ ...intake, stream, fetchClaim, log, roomFor }, signal);
}

async function createServer(
  { platform }: Host,
  upload: UploadEnvironment | undefined,
  hasDashboard: boolean,
  refreshedAt: () => Date | undefined,
): Promise<FastifyInstance> {
  const { log, metrics } = platform;
  const probed: ProbedEnvironment = {
    log,
    metrics,
    checkReady: async () => {
      await platform.arrivals.waiting();
      await platform.customers.list();
    },
    beforeMetrics: async () => {
      const waiting = await platform.arrivals.waiting();
      if (waiting !== undefined) platform.metrics.waiting.set(waiting);
      // While the broker is away the last lag stands: the other numbers are asked for then above all.
      const lag = await platform
        .stream()
        .then((stream) => stream.lag())
        .catch(() => undefined);
      if (lag !== undefined) platform.metrics.streamLag.set(Number(lag));
    },
  };
  const app = upload ? await uploadServer({ ...upload, ...probed, version }) : probedServer(probed);
  if (hasDashboard) {
    const warehouse = await platform.warehouse();
    const query = (sql: string) => warehouse.query(sql);
    await app.register(dashboardRoutes({ query, project: warehouse.project, refreshedAt }));
  }
  return app;
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    if (!hasCode(error, "EADDRINUSE", "EACCES", "EADDRNOTAVAIL")) throw error;
    throw new Unavailable(
      `${host}:${port} cannot be listened on (${messageOf(error)}): stop what uses it, or set DARKROOM_PORT to another`,
    );
  }
  const address = app.server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${name}:${address.port}`;
}

/** It shows all customers' numbers, so by itself it is only there where nobody else can look. */
function showsDashboard({ DARKROOM_DASHBOARD, DARKROOM_HOST }: Config): boolean {
  if (DARKROOM_DASHBOARD !== "auto") return DARKROOM_DASHBOARD === "on";
  return ["127.0.0.1", "::1", "localhost"].includes(DARKROOM_HOST);
}

/** Loads and models, one run at a time; by itself at the interval of the settings. */
function createRefresher({ platform, output }: Host) {
  const stop = new AbortController();
  let refreshedAt: Date | undefined;
  let running: Promise<void> = Promise.resolve();
  let looping: Promise<void> = Promise.resolve();

  const isDue = loadPace(platform.clock);

  async function refreshOnce(isForced: boolean): Promise<void> {
    const { rows } = await loadSegments({ platform }, { isDue });
    if (rows === 0 && !isForced) return;
    const { models, modelsFailed, assertionsFailed } = await runModels({ platform, output });
    refreshedAt = platform.clock.now();
    platform.log.info({ rows, models, modelsFailed, assertionsFailed }, "refreshed");
  }

  function enqueue(isForced: boolean): Promise<void> {
    const next = running.catch(() => undefined).then(() => refreshOnce(isForced));
    running = next;
    return next;
  }

  async function loop(): Promise<void> {
    for (let isFirst = true; !stop.signal.aborted; isFirst = false) {
      await enqueue(isFirst).catch((error) =>
        platform.log.error({ error: messageOf(error) }, "refresh failed"),
      );
      await platform.clock.sleep(platform.config.DARKROOM_REFRESH_INTERVAL_MS, stop.signal);
    }
  }

  return {
    start() {
      looping = loop();
    },
    refreshedAt: () => refreshedAt,
    async stop() {
      stop.abort();
      await looping;
      await enqueue(false);
    },
  };
}

async function endsWith(part: Promise<unknown> | undefined, name: string): Promise<never> {
  try {
    await part;
  } catch (error) {
    throw new Unavailable(`the ${name} ended: ${messageOf(error)}`, { cause: error });
  }
  return new Promise(() => undefined);
}
