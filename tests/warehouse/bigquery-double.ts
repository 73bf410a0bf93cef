/** A server that answers as BigQuery's documentation says where no emulator does, and remembers everything that it was asked. */

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { JobMetadata } from "@google-cloud/bigquery";
import type { Clock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { type BigqueryWarehouseOptions, bigqueryWarehouse } from "../../warehouse/bigquery.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";

export interface Asked {
  readonly method: string;
  /** Below the project. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked at field by field.
  readonly body: any;
}

export interface Answered {
  readonly status: number;
  readonly body?: unknown;
}

type Configuration = NonNullable<JobMetadata["configuration"]>;

export interface BigqueryDouble {
  readonly endpoint: string;
  readonly clock: Clock & { now(): Date };
  readonly asked: readonly Asked[];
  readonly jobs: Map<string, JobMetadata>;
  /** By path, for example `datasets/raw/tables/t`. */
  readonly resources: Map<string, Record<string, unknown>>;
  /** Values of `_segment` that a query for them is answered with. */
  readonly segments: Set<string>;
  /** What becomes of a job when it is inserted; a result without a state is done. */
  onInsert: (jobId: string, configuration: Configuration) => Partial<JobMetadata>;
  /** Asked first; what it returns is the answer. */
  intercept: (asked: Asked) => Answered | undefined;
  inserted(kind: "load" | "query"): readonly Asked[];
  warehouse(options?: Partial<BigqueryWarehouseOptions>): Warehouse;
  close(): Promise<void>;
}

/** A clock on which sleeping takes no time but moves the clock on. */
function hurriedClock(start: string): Clock & { advance(ms: number): void } {
  let nowMs = Date.parse(start);
  return {
    now: () => new Date(nowMs),
    elapsedMs: () => nowMs,
    async sleep(ms, signal) {
      // What guards an answer that comes at once must not be late.
      if (signal !== undefined)
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      nowMs += ms;
    },
    advance(ms) {
      nowMs += ms;
    },
  };
}

export function failed(reason: string, message: string, location?: string): Partial<JobMetadata> {
  const errorResult = { reason, message, ...(location === undefined ? {} : { location }) };
  return { status: { state: "DONE", errorResult, errors: [errorResult] } };
}

export function refusal(status: number, reason: string, message: string): Answered {
  return { status, body: { error: { code: status, message, errors: [{ reason, message }] } } };
}

export async function bigqueryDouble(): Promise<BigqueryDouble & { advance(ms: number): void }> {
  const clock = hurriedClock("2026-01-31T10:00:00.000Z");
  const asked: Asked[] = [];
  const opened: Warehouse[] = [];
  const server = createServer(async (request, response) => {
    const one = await askedBy(request);
    asked.push(one);
    const { status, body = {} } = double.intercept(one) ?? answer(double, one);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const double = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clock,
    advance: clock.advance,
    asked,
    jobs: new Map<string, JobMetadata>(),
    resources: new Map<string, Record<string, unknown>>(),
    segments: new Set<string>(),
    onInsert: () => ({}),
    intercept: () => undefined,
    inserted: (kind: "load" | "query") =>
      asked.filter(
        ({ method, path, body }) =>
          method === "POST" && path === "jobs" && kind in body.configuration && !body.configuration.dryRun,
      ),
    warehouse(options: Partial<BigqueryWarehouseOptions> = {}) {
      const warehouse = bigqueryWarehouse({
        project: "p",
        location: "EU",
        endpoint: double.endpoint,
        mode: "load",
        maximumBytesBilled: 20_000_000,
        clock,
        log: silentLog,
        ...options,
      });
      opened.push(warehouse);
      return warehouse;
    },
    async close() {
      for (const warehouse of opened) await warehouse.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  } as BigqueryDouble & { advance(ms: number): void };
  return double;
}

async function askedBy(request: IncomingMessage): Promise<Asked> {
  const url = new URL(request.url ?? "/", "http://double");
  const body = await text(request);
  return {
    method: String(request.method),
    path: url.pathname.replace("/bigquery/v2/projects/p/", ""),
    query: Object.fromEntries(url.searchParams),
    headers: request.headers,
    body: body === "" ? undefined : JSON.parse(body),
  };
}

function answer(double: BigqueryDouble, asked: Asked): Answered {
  const [collection, id] = asked.path.split("/");
  if (collection === "queries") return { status: 200, body: segmentRows(double.segments) };
  if (collection !== "jobs") return answerResource(double, asked);
  if (asked.method === "POST") return insertJob(double, asked.body);
  if (id === undefined) return { status: 200, body: { jobs: [...double.jobs.values()].reverse() } };
  const job = double.jobs.get(id);
  if (job === undefined) return refusal(404, "notFound", `Not found: Job ${id}`);
  // Whoever asks for a job that runs finds it done the next time.
  if (job.status?.state !== "DONE") double.jobs.set(id, { ...job, status: { ...job.status, state: "DONE" } });
  return { status: 200, body: job };
}

function insertJob(double: BigqueryDouble, { jobReference, configuration }: JobMetadata): Answered {
  const nowMs = String(double.clock.now().getTime());
  const statistics = { creationTime: nowMs, startTime: nowMs, endTime: nowMs };
  if (configuration?.dryRun) {
    return { status: 200, body: { statistics: { query: { statementType: "SELECT" } } } };
  }
  const jobId = String(jobReference?.jobId);
  if (double.jobs.has(jobId)) return refusal(409, "duplicate", `Already Exists: Job ${jobId}`);
  const become = double.onInsert(jobId, configuration ?? {});
  const job: JobMetadata = {
    status: { state: "DONE" },
    ...become,
    ...(jobReference === undefined ? {} : { jobReference }),
    ...(configuration === undefined ? {} : { configuration }),
    statistics: { ...statistics, load: { outputRows: "1" }, ...become.statistics },
  };
  double.jobs.set(jobId, job);
  return { status: 200, body: job };
}

function answerResource({ resources }: BigqueryDouble, { method, path, body }: Asked): Answered {
  if (method === "POST") {
    const { tableId, datasetId } = body.tableReference ?? body.datasetReference;
    const made = `${path}/${tableId ?? datasetId}`;
    if (resources.has(made)) return refusal(409, "duplicate", `Already Exists: ${made}`);
    resources.set(made, { etag: "e1", ...body });
    return { status: 200, body };
  }
  const found = resources.get(path);
  if (found === undefined) return refusal(404, "notFound", `Not found: ${path}`);
  if (method === "PATCH") resources.set(path, { ...found, ...body, etag: `${found.etag}+` });
  return { status: 200, body: resources.get(path) };
}

function segmentRows(segments: ReadonlySet<string>) {
  return {
    jobComplete: true,
    schema: { fields: [{ name: "_segment", type: "STRING", mode: "REQUIRED" }] },
    rows: [...segments].map((v) => ({ f: [{ v }] })),
  };
}
