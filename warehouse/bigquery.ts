/** The warehouse in BigQuery: raw tables, loads by job or by stream, and models as jobs whose cost is bounded and labelled. */

import type { Clock } from "../core/clock.ts";
import { Misconfigured } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { runQuery, runScript } from "./bigquery-jobs.ts";
import { type Load, type LoadEnvironment, loadFiles, settleLoads } from "./bigquery-loads.ts";
import { loadCounter, loadsADay } from "./bigquery-quota.ts";
import { bigqueryRequests } from "./bigquery-requests.ts";
import { microsecondsAt, rowsOf, type StreamRow } from "./bigquery-rows.ts";
import { heldSegments, type Window } from "./bigquery-segments.ts";
import { type StreamAppender, streamAppender } from "./bigquery-stream.ts";
import {
  ensureTables,
  readLoadedThrough,
  readRelations,
  segmentColumns,
  writeLoadedThrough,
} from "./bigquery-tables.ts";
import type { Effect, LoadableSegment, TableSpec, Warehouse } from "./warehouse.ts";

export interface BigqueryWarehouseOptions {
  readonly project: string;
  /** Where datasets are made and jobs run, for example `EU` or `europe-west3`. */
  readonly location: string;
  /** Another server than Google's, for example `http://127.0.0.1:9050`; it is asked without credentials. */
  readonly endpoint?: string;
  /** Its Storage Write API, `HOST:PORT`. */
  readonly writeEndpoint?: string;
  /** How rows get in: by load jobs, which cost nothing and are limited a day, or by a stream, which costs and is seconds old. */
  readonly mode: "load" | "stream";
  /** The most that one query may bill, in bytes; one that would bill more is refused. */
  readonly maximumBytesBilled: number;
  readonly clock: Clock;
  readonly log: Log;
  /** The bytes of a segment by its URL; a stream needs them, while load jobs read the files by themselves. */
  readonly readSegment?: (url: string) => Promise<Uint8Array>;
}

/**
 * Segments of more bytes together go by a load job, also in mode "stream": an append request takes 10 MB, and rows are smaller
 * there than as JSON, since they carry no names.
 */
const mostStreamedBytes = 9_000_000;

/**
 * Joins the warehouse; nothing is asked yet. Throws `Misconfigured` when the settings do not go together.
 */
export function bigqueryWarehouse(options: BigqueryWarehouseOptions): Warehouse {
  const { project, location, endpoint, clock, log, maximumBytesBilled } = options;
  if (!location) {
    throw new Misconfigured(["DARKROOM_WAREHOUSE names no location: write bigquery://PROJECT?location=EU"]);
  }
  const requests = bigqueryRequests({ project, location, endpoint });
  const counter = loadCounter({ requests, clock });
  const env: LoadEnvironment = { requests, clock, maximumBytesBilled, counter };
  const stream = options.mode === "stream" ? openStream(options) : undefined;

  const turns = new Map<string, Promise<unknown>>();

  /** Loads into one table go one after the other: each reads what the one before has written, and a stream has one end. */
  function inTurn<T>(table: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(table) ?? Promise.resolve()).then(work);
    turns.set(
      table,
      turn.catch(() => undefined),
    );
    return turn;
  }

  async function load(
    dataset: string,
    table: TableSpec,
    segments: readonly LoadableSegment[],
  ): Promise<Effect> {
    const wanted = new Map(segments.map((segment) => [segment.name, segment]));
    if (wanted.size === 0) return { rows: 0, bytesBilled: 0 };
    await settleLoads(env, dataset, table.name);
    await stream?.appender.settle(dataset, table.name);
    const held = await heldSegments(env, dataset, table, windowOf([...wanted.values()]));
    const missing = [...wanted.values()].filter(({ name }) => !held.names.has(name));
    const { bytesBilled } = held;
    if (missing.length === 0) return { rows: 0, bytesBilled };
    const missingLoad: Load = { dataset, table, segments: missing };
    const streamed = await stream?.append(missingLoad);
    if (streamed !== undefined) return { rows: streamed, bytesBilled };
    const rows = await loadFiles(env, missingLoad, held.readAtMs);
    log.debug({ table: table.name, files: missing.length, rows }, "loaded by a job");
    return { rows, bytesBilled };
  }

  return {
    project,
    load: (dataset, table, segments) =>
      inTurn(`${dataset}.${table.name}`, () => load(dataset, table, segments)),
    ensureTables: (dataset, tables) => ensureTables(requests, dataset, tables),
    loadedSegments: (dataset, table, window) => heldSegments(env, dataset, table, window ?? {}),
    loadedThrough: (dataset, table) => readLoadedThrough(requests, dataset, table),
    noteLoadedThrough: (dataset, table, date) => writeLoadedThrough(requests, dataset, table, date),
    async loadQuota(dataset, table) {
      return { used: await counter.used(dataset, table), limit: loadsADay };
    },
    relations: () => readRelations(requests),
    execute: (script, purpose = { kind: "query", name: "script" }) => runScript(env, script, purpose),
    query: (sql) => runQuery(env, sql),
    async close() {
      stream?.appender.close();
    },
  };
}

interface OpenStream {
  readonly appender: StreamAppender;
  /** Appends all rows of the segments at once and returns their number, or undefined when they are too large for that. */
  append(load: Load): Promise<number | undefined>;
}

function openStream({
  project,
  clock,
  endpoint,
  writeEndpoint,
  readSegment,
}: BigqueryWarehouseOptions): OpenStream {
  if (readSegment === undefined || (endpoint !== undefined && writeEndpoint === undefined)) {
    throw new Misconfigured([
      "DARKROOM_LOADER_MODE is stream: expected an event lake whose files can be read here, and writeEndpoint where endpoint is set",
    ]);
  }
  const appender = streamAppender({ project, clock, endpoint: writeEndpoint });
  return {
    appender,
    async append({ dataset, table, segments }) {
      const columns = segmentColumns(table);
      const _loaded_at = microsecondsAt(clock.now());
      const rows: StreamRow[] = [];
      let bytes = 0;
      for (const segment of segments) {
        const text = Buffer.from(await readSegment(segment.url));
        bytes += text.byteLength;
        if (bytes > mostStreamedBytes) return undefined;
        for (const row of rowsOf(text.toString("utf8"), columns, segment)) rows.push({ ...row, _loaded_at });
      }
      if (rows.length > 0) await appender.append(dataset, table, rows);
      return rows.length;
    },
  };
}

/** The part of the table where the segments may be. */
function windowOf(segments: readonly LoadableSegment[]): Window {
  const names = segments.map(({ name }) => name).sort();
  const [earliestDate] = segments.map((segment) => segment.earliestDate ?? "").sort();
  return {
    since: String(names[0]),
    until: String(names.at(-1)),
    ...(earliestDate ? { earliestDate } : {}),
  };
}
