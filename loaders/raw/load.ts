/** The raw loader: segments that are not yet in the warehouse into the raw tables, each exactly once. */

import { Refused } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Metrics } from "../../core/metrics.ts";
import { shapeOf, tables } from "../../core/rows.ts";
import type { Lake } from "../../lake/lake.ts";
import { segmentName, segmentsPrefix } from "../../lake/layout.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { mendSegment } from "./mend.ts";

export interface LoadEnvironment {
  /** The event lake. */
  readonly events: Lake;
  readonly warehouse: Warehouse;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface LoadSummary {
  rows: number;
  segments: number;
}

export const rawDataset = "raw";

type Table = (typeof tables)[number];

/** Segments in one load; BigQuery takes at most 10,000 URIs a job (quota of load jobs). */
const mostSegments = 5000;

/** Loads everything that is not loaded; may be run again at any time, also by two processes at once. */
export async function load(env: LoadEnvironment): Promise<LoadSummary> {
  await env.warehouse.ensureTables(rawDataset, tables);
  const summary: LoadSummary = { rows: 0, segments: 0 };
  // Rejections are loaded last: mending a segment of another table may write one.
  for (const table of [...tables].sort(
    (a, b) => Number(a.name === "image_rejected") - Number(b.name === "image_rejected"),
  )) {
    const keys = await unloadedKeys(env, table);
    for (let start = 0; start < keys.length; start += mostSegments) {
      const batch = keys.slice(start, start + mostSegments);
      const rows = await loadBatch(env, table, batch);
      summary.rows += rows;
      summary.segments += batch.length;
      env.metrics.loadedRows.inc({ table: table.name }, rows);
    }
  }
  return summary;
}

/** How many segments the warehouse has not loaded; all of them when it has no tables yet. */
export async function countUnloaded(env: Pick<LoadEnvironment, "events" | "warehouse">): Promise<number> {
  await env.warehouse.ensureTables(rawDataset, tables);
  let count = 0;
  for (const table of tables) count += (await unloadedKeys(env, table)).length;
  return count;
}

async function unloadedKeys(
  { events, warehouse }: Pick<LoadEnvironment, "events" | "warehouse">,
  table: Table,
): Promise<readonly string[]> {
  const loaded = await warehouse.loadedSegments(rawDataset, table.name);
  const keys: string[] = [];
  for await (const key of events.list({ prefix: segmentsPrefix(table.name) })) {
    if (!loaded.has(segmentName(key))) keys.push(key);
  }
  return keys;
}

/** All segments of the known shape at once; whatever does not fit is mended one by one. */
async function loadBatch(env: LoadEnvironment, table: Table, keys: readonly string[]): Promise<number> {
  const shape = `.${shapeOf(table.name)}`;
  const isKnown = (key: string) => segmentName(key).endsWith(shape);
  const rows = await loadKnown(env, table, keys.filter(isKnown));
  return (
    rows +
    (await loadMended(
      env,
      table,
      keys.filter((key) => !isKnown(key)),
    ))
  );
}

async function loadKnown(env: LoadEnvironment, table: Table, keys: readonly string[]): Promise<number> {
  if (keys.length === 0) return 0;
  try {
    return await env.warehouse.load(
      rawDataset,
      table,
      keys.map((key) => ({ name: segmentName(key), url: env.events.url(key) })),
    );
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    env.log.warn(
      { table: table.name, error: error.message },
      "segments do not fit as they are; reading them row by row",
    );
    return loadMended(env, table, keys);
  }
}

/** Each by itself: one that the warehouse still refuses is told of and left in the lake, and the others go on. */
async function loadMended(env: LoadEnvironment, table: Table, keys: readonly string[]): Promise<number> {
  let rows = 0;
  for (const key of keys) {
    const mended = await mendSegment(env.events, table.name, key);
    if (mended === undefined) continue;
    try {
      const segment = { name: segmentName(key), url: env.events.url(mended) };
      rows += await env.warehouse.load(rawDataset, table, [segment]);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      env.log.error({ key, error: error.message }, "a segment cannot be loaded; it stays in the lake");
    }
  }
  return rows;
}
