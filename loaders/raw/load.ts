/**
 * The raw loader: segments that are not yet in the warehouse into the raw tables. One loader loads each once; two that see
 * different segments at the same moment may load one twice, which staging does not show (a row an event).
 */

import type { Clock } from "../../core/clock.ts";
import { Refused } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Metrics } from "../../core/metrics.ts";
import { shapeOf, type TableName, tables } from "../../core/rows.ts";
import type { Lake } from "../../lake/lake.ts";
import {
  endOfDate,
  segmentDate,
  segmentEarliestDate,
  segmentName,
  segmentsPrefix,
} from "../../lake/layout.ts";
import type { Effect, LoadableSegment, LoadQuota, Warehouse } from "../../warehouse/warehouse.ts";
import { mendSegment } from "./mend.ts";

export interface LoadEnvironment {
  /** The event lake. */
  readonly events: Lake;
  readonly warehouse: Warehouse;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface LoadOptions {
  /** Looks at all segments of all time, also those that were found loaded long ago. @default false */
  readonly isFull?: boolean;
  /** Whether a table's turn has come; the others are left for the next time. @default every table's */
  readonly isDue?: (table: TableName, quota: LoadQuota) => boolean;
  /** Told of each table that rows were loaded into, or could not be. */
  readonly onTable?: (load: TableLoad) => void;
}

export interface TableLoad extends Effect {
  readonly table: TableName;
  readonly startedAt: Date;
  readonly endedAt: Date;
}

export interface LoadSummary {
  rows: number;
  segments: number;
}

export const rawDataset = "raw";

type Table = (typeof tables)[number];

/** Segments in one load; BigQuery takes at most 10,000 URIs a job (quota of load jobs). */
const mostSegments = 5000;
/** Segments may still be written under a date that is over: by a clock that is behind, or a write that hangs. */
const lookBackMs = 3 * 86_400_000;

/** Loads everything that is not loaded; may be run again at any time, also by two processes at once. */
export async function load(env: LoadEnvironment, options: LoadOptions = {}): Promise<LoadSummary> {
  await env.warehouse.ensureTables(rawDataset, tables);
  const summary: LoadSummary = { rows: 0, segments: 0 };
  // Rejections are loaded last: mending a segment of another table may write one.
  for (const table of [...tables].sort(
    (a, b) => Number(a.name === "image_rejected") - Number(b.name === "image_rejected"),
  )) {
    const isDue = options.isDue?.(table.name, await env.warehouse.loadQuota(rawDataset, table.name)) ?? true;
    if (!isDue) continue;
    const startedAt = env.clock.now();
    const { segments, ...effect } = await loadTable(env, table, options.isFull === true);
    if (segments === 0) continue;
    options.onTable?.({ table: table.name, ...effect, startedAt, endedAt: env.clock.now() });
    if (!isNews(table)) continue;
    summary.rows += effect.rows;
    summary.segments += segments;
  }
  return summary;
}

/** What darkroom noted of its own runs is no news: a run because of it would never end. */
function isNews({ name }: Table): boolean {
  return name !== "pipeline_run";
}

/** How many segments with news the warehouse has not loaded; all of them when it has no tables yet. */
export async function countUnloaded(env: Pick<LoadEnvironment, "events" | "warehouse">): Promise<number> {
  await env.warehouse.ensureTables(rawDataset, tables);
  let count = 0;
  for (const table of tables.filter(isNews))
    count += (await findUnloaded(env, table, undefined)).unloaded.length;
  return count;
}

async function loadTable(
  env: LoadEnvironment,
  table: Table,
  isFull: boolean,
): Promise<Effect & { readonly segments: number }> {
  const through = isFull ? undefined : await env.warehouse.loadedThrough(rawDataset, table.name);
  const { seen, unloaded, bytesBilled } = await findUnloaded(env, table, through);
  const sum = { rows: 0, bytesBilled, segments: 0 };
  let isStuck = false;
  for (let start = 0; start < unloaded.length; start += mostSegments) {
    const batch = unloaded.slice(start, start + mostSegments);
    const loaded = await loadBatch(env, table, batch);
    sum.rows += loaded.rows;
    sum.bytesBilled += loaded.bytesBilled;
    sum.segments += batch.length;
    isStuck ||= loaded.isStuck;
    env.metrics.loadedRows.inc({ table: table.name }, loaded.rows);
  }
  if (!isStuck) await noteProgress(env, table, seen, through);
  return sum;
}

/** Everything up to some days ago is loaded: the next time it need not be looked at. */
async function noteProgress(
  { warehouse, clock }: LoadEnvironment,
  table: Table,
  seen: readonly string[],
  through: string | undefined,
): Promise<void> {
  const settledBefore = new Date(clock.now().getTime() - lookBackMs).toISOString().slice(0, 10);
  const settled = seen.map(segmentDate).filter((date) => date < settledBefore);
  const latest = settled.at(-1);
  if (latest === undefined || latest <= (through ?? "")) return;
  await warehouse.noteLoadedThrough(rawDataset, table.name, latest);
}

interface Unloaded {
  readonly seen: readonly string[];
  readonly unloaded: readonly string[];
  readonly bytesBilled: number;
}

/** The keys of the segments behind the date, in order, and those of them that the warehouse does not hold. */
async function findUnloaded(
  { events, warehouse }: Pick<LoadEnvironment, "events" | "warehouse">,
  table: Table,
  through: string | undefined,
): Promise<Unloaded> {
  const prefix = segmentsPrefix(table.name);
  const since = through === undefined ? "" : endOfDate(through);
  const seen: string[] = [];
  let earliestDate = "9999-12-31";
  for await (const key of events.list({ prefix, ...(since === "" ? {} : { after: prefix + since }) })) {
    seen.push(key);
    const date = segmentEarliestDate(key);
    if (date < earliestDate) earliestDate = date;
  }
  if (seen.length === 0) return { seen, unloaded: [], bytesBilled: 0 };
  const { names, bytesBilled } = await warehouse.loadedSegments(rawDataset, table, { since, earliestDate });
  return { seen, unloaded: seen.filter((key) => !names.has(segmentName(key))), bytesBilled };
}

interface Loaded extends Effect {
  /** A segment could not be loaded and is looked at again the next time. */
  readonly isStuck: boolean;
}

/** All segments of the known shape at once; whatever does not fit is mended first. */
async function loadBatch(env: LoadEnvironment, table: Table, keys: readonly string[]): Promise<Loaded> {
  const shape = `.${shapeOf(table.name)}`;
  const isKnown = (key: string) => segmentName(key).endsWith(shape);
  const known = await loadKnown(env, table, keys.filter(isKnown));
  const others = keys.filter((key) => !isKnown(key));
  return sumOf(known, await loadMended(env, table, others));
}

async function loadKnown(env: LoadEnvironment, table: Table, keys: readonly string[]): Promise<Loaded> {
  if (keys.length === 0) return nothing;
  try {
    const effect = await env.warehouse.load(
      rawDataset,
      table,
      keys.map((key) => loadable(env.events, key)),
    );
    return { ...effect, isStuck: false };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    env.log.warn(
      { table: table.name, error: error.message },
      "segments do not fit as they are; reading them row by row",
    );
    return loadMended(env, table, keys);
  }
}

function loadable(events: Lake, key: string): LoadableSegment {
  return { name: segmentName(key), url: events.url(key), earliestDate: segmentEarliestDate(key) };
}

interface Mended {
  readonly key: string;
  readonly segment: LoadableSegment;
}

/** Row by row to what fits, and then all of it at once. */
async function loadMended(env: LoadEnvironment, table: Table, keys: readonly string[]): Promise<Loaded> {
  const mended: Mended[] = [];
  for (const key of keys) {
    const copy = await mendSegment(env.events, table.name, key);
    if (copy === undefined) continue;
    mended.push({ key, segment: { ...loadable(env.events, key), url: env.events.url(copy) } });
  }
  return loadHalving(env, table, mended);
}

/** Loads are counted, so one that the warehouse still refuses is searched for by halves; it stays in the lake, and the others go on. */
async function loadHalving(env: LoadEnvironment, table: Table, mended: readonly Mended[]): Promise<Loaded> {
  const [first] = mended;
  if (first === undefined) return nothing;
  try {
    const segments = mended.map(({ segment }) => segment);
    return { ...(await env.warehouse.load(rawDataset, table, segments)), isStuck: false };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (mended.length === 1) {
      env.log.error(
        { key: first.key, error: error.message },
        "a segment cannot be loaded; it stays in the lake",
      );
      return { ...nothing, isStuck: true };
    }
    const half = Math.ceil(mended.length / 2);
    const left = await loadHalving(env, table, mended.slice(0, half));
    return sumOf(left, await loadHalving(env, table, mended.slice(half)));
  }
}

const nothing: Loaded = { rows: 0, bytesBilled: 0, isStuck: false };

function sumOf(one: Loaded, other: Loaded): Loaded {
  return {
    rows: one.rows + other.rows,
    bytesBilled: one.bytesBilled + other.bytesBilled,
    isStuck: one.isStuck || other.isStuck,
  };
}
