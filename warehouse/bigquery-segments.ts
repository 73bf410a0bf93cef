/** Which segments a raw table holds, read from the table itself. */

import {
  bytesBilledOf,
  type JobEnvironment,
  labelsOf,
  type Parameters,
  resultPages,
  runStatement,
} from "./bigquery-jobs.ts";
import type { LoadedSegments, SegmentWindow, TableSpec } from "./warehouse.ts";

export interface HeldSegments extends LoadedSegments {
  /** The service's time, in ms since 1970: of what was loaded by then, nothing is missing. */
  readonly readAtMs: number;
}

/** A window with an end: no segment's name sorts after `until`. */
export type Window = Partial<SegmentWindow> & { readonly until?: string };

/** Reads `_segment` of the rows in the window; only the partitions of its dates are read and billed. */
export async function heldSegments(
  env: JobEnvironment,
  dataset: string,
  { name, partitionBy }: TableSpec,
  { since, until, earliestDate }: Window,
): Promise<HeldSegments> {
  const conditions: string[] = [];
  const parameters: Record<string, Parameters[string]> = {};
  const limit = (condition: string, parameter: string, type: string, value: string | undefined) => {
    if (value === undefined) return;
    conditions.push(`${condition} @${parameter}`);
    parameters[parameter] = { type, value };
  };
  const earliest = earliestDate === undefined ? undefined : `${earliestDate} 00:00:00+00:00`;
  limit(`${partitionBy} >=`, "earliest", "TIMESTAMP", earliest);
  limit("_segment >=", "since", "STRING", since);
  limit("_segment <=", "until", "STRING", until);
  const where = conditions.length === 0 ? "" : ` where ${conditions.join(" and ")}`;
  const sql = `select distinct _segment from \`${env.requests.project}.${dataset}.${name}\`${where}`;
  const job = await runStatement(
    env,
    sql,
    labelsOf({ kind: "query", name: `segments-of-${name}` }),
    parameters,
  );
  const names = new Set<string>();
  for await (const { rows } of resultPages(env.requests, job)) {
    for (const { _segment } of rows) names.add(String(_segment));
  }
  return {
    names,
    readAtMs: Number(job.statistics?.startTime ?? 0),
    bytesBilled: bytesBilledOf(job),
  };
}
