/** The whole platform in one process: doors, worker, loader, models and dashboard, until it is told to stop. */

import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Config } from "../core/config.ts";
import { hasCode, messageOf, Unavailable } from "../core/errors.ts";
import { dashboardRoutes } from "../dashboards/web/dashboard.ts";
import { consumeStream } from "../loaders/stream/door.ts";
import type { UploadEnvironment } from "../loaders/upload/images.ts";
import { uploadServer } from "../loaders/upload/server.ts";
import { work } from "../processor/worker.ts";
import type { Run } from "./command.ts";
import { loadSegments, runModels } from "./steps.ts";
import { version, warehouseProject } from "./wiring.ts";

export interface Service {
  readonly url: string;
  readonly hasDashboard: boolean;
  /** From now on segments are loaded and models run by themselves. */
  keepRefreshing(): void;
  /** Rejects when a part that should run until the end has ended. */
  readonly failed: Promise<never>;
  /** Drains: no more is taken in, what is in flight is finished, and what came of it is loaded and modelled. */
  stop(): Promise<void>;
}

/** Requests that have not ended so long after the stop are cut off; their senders were told nothing and send again. */
const drainMs = 5000;

type Parts = Pick<Run, "platform" | "output">;

/** Starts doors and worker; port 0 takes any free one. Throws `Unavailable` when the port is taken. */
export async function startService(run: Parts, port: number): Promise<Service> {
  const { platform } = run;
  const stopDoors = new AbortController();
  const stopWorker = new AbortController();
  const refresher = createRefresher(run);
  const hasDashboard = showsDashboard(platform.config);
  const upload = platform.upload();
  // Opened now, so that a warehouse that another process holds is told of before anything starts.
  await platform.warehouse();
  const app = await createServer(run, upload, hasDashboard, refresher.refreshedAt);
  const url = await listen(app, platform.config.DARKROOM_HOST, port);

  const stream = await platform.stream();
  const roomFor = async (signal: AbortSignal) => {
    while (!signal.aborted && !(await upload.hasRoom())) await platform.clock.sleep(500, signal);
  };
  const door = consumeStream({ ...platform.intake, stream, log: platform.log, roomFor }, stopDoors.signal);
  const worker = work(await platform.worker(), { signal: stopWorker.signal });
  const failed = Promise.race([endsWith(door, "stream door"), endsWith(worker, "worker")]);
  failed.catch(() => undefined);

  platform.log.info({ url, version }, "started");

  return {
    url,
    hasDashboard,
    keepRefreshing: refresher.start,
    failed,
    async stop() {
      stopDoors.abort();
      const late = setTimeout(() => app.server.closeAllConnections(), drainMs);
      await Promise.allSettled([app.close(), door]);
      clearTimeout(late);
      stopWorker.abort();
      await Promise.allSettled([worker]);
      await refresher.stop();
    },
  };
}

async function createServer(
  { platform }: Parts,
  upload: UploadEnvironment,
  hasDashboard: boolean,
  refreshedAt: () => Date | undefined,
): Promise<FastifyInstance> {
  const app = await uploadServer({
    ...upload,
    log: platform.log,
    version,
    checkReady: async () => {
      await platform.arrivals.waiting();
      await platform.customers.list();
    },
    beforeMetrics: async () => {
      platform.metrics.waiting.set(await platform.arrivals.waiting());
      platform.metrics.streamLag.set(Number(await (await platform.stream()).lag()));
    },
  });
  if (hasDashboard) {
    const query = async (sql: string) => (await platform.warehouse()).query(sql);
    await app.register(dashboardRoutes({ query, project: warehouseProject, refreshedAt }));
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
function createRefresher({ platform, output }: Parts) {
  const stop = new AbortController();
  let refreshedAt: Date | undefined;
  let running: Promise<void> = Promise.resolve();
  let looping: Promise<void> = Promise.resolve();

  async function refreshOnce(isForced: boolean): Promise<void> {
    const { rows } = await loadSegments({ platform });
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

async function endsWith(part: Promise<unknown>, name: string): Promise<never> {
  try {
    await part;
  } catch (error) {
    throw new Unavailable(`the ${name} ended: ${messageOf(error)}`, { cause: error });
  }
  return new Promise(() => undefined);
}
