/** Load jobs: files into a raw table, all or nothing, under ids that a retry meets again. */

import type { JobMetadata } from "@google-cloud/bigquery";
import { Misconfigured, Refused, Unavailable } from "../core/errors.ts";
import { sha256 } from "../core/ids.ts";
import { loadFailure } from "./bigquery-errors.ts";
import { findJob, insertJob, type JobEnvironment, jobPages, labelsOf, settledJob } from "./bigquery-jobs.ts";
import type { LoadCounter } from "./bigquery-quota.ts";
import { fileFields } from "./bigquery-tables.ts";
import type { LoadableSegment, TableSpec } from "./warehouse.ts";

export interface LoadEnvironment extends JobEnvironment {
  readonly counter: LoadCounter;
}

/** Files into one table. */
export interface Load {
  readonly dataset: string;
  readonly table: TableSpec;
  /** None of them twice. */
  readonly segments: readonly LoadableSegment[];
}

/** URIs that a load job takes (docs.cloud.google.com/bigquery/quotas). */
const mostFiles = 10_000;
/** Jobs of one set of files that are looked at: beyond, something is wrong that one more does not mend. */
const mostAttempts = 200;
/** Jobs that one call inserts when the service fails: the quota of loads counts failed ones too. */
const mostInserts = 3;
const waitBetweenInsertsMs = 2000;
/** So long the verdict of a job that found unfit rows is taken as it is; then the table may have been mended. */
const verdictLastsMs = 3_600_000;

const idPrefix = "darkroom_load_";

/** True for jobs of this adapter that load into a table. */
export function isLoadInto({ jobReference, configuration }: JobMetadata, dataset: string, table: string) {
  const destination = configuration?.load?.destinationTable;
  return (
    jobReference?.jobId?.startsWith(idPrefix) === true &&
    destination?.datasetId === dataset &&
    destination.tableId === table
  );
}

/** Derived from what is loaded, where to and the attempt: an id cannot be used again, not even that of a job that failed. */
export function loadJobId(project: string, { dataset, table, segments }: Load, attempt: number): string {
  const files = segments.map(({ name, url }) => [name, url]).sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return `${idPrefix}${sha256(JSON.stringify([project, dataset, table.name, files, attempt]))}`;
}

/**
 * Waits for loads into the table that run already, as a process leaves them that dies: their rows are not in the table yet,
 * and their files must not be loaded again with others.
 */
export async function settleLoads(env: LoadEnvironment, dataset: string, table: string): Promise<void> {
  const query = { stateFilter: ["pending", "running"], projection: "full", maxResults: 1000 };
  for await (const jobs of jobPages(env.requests, query)) {
    const active = jobs.filter((job) => job.status?.state !== "DONE" && isLoadInto(job, dataset, table));
    for (const job of active) await settledJob(env, job);
  }
}

/**
 * Loads files of which none is in the table, as it was read at `readAtMs` (the service's clock), and returns the rows. Whatever
 * jobs of these files were before is learnt from them:
 * one that runs is waited for; one that succeeded after the table was read has done it; one that succeeded earlier has left
 * nothing, so its table was replaced; one that failed has used up its id, and the next attempt has another.
 *
 * @throws Refused when a row does not fit, with the file and the reason; Unavailable when the service fails or the quota is used up.
 */
export async function loadFiles(env: LoadEnvironment, load: Load, readAtMs: number): Promise<number> {
  if (load.segments.length >= mostFiles) {
    throw new Misconfigured([
      `load of ${load.segments.length} files into ${load.table.name}: expected fewer than ${mostFiles} at once`,
    ]);
  }
  let inserts = 0;
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const jobId = loadJobId(env.requests.project, load, attempt);
    const found = await findJob(env.requests, jobId);
    if (found === undefined) inserts += 1;
    const job = await settledJob(env, found ?? (await insertLoad(env, load, jobId)));
    const wasOver = found?.status?.state === "DONE";
    const failure = failureOf(job);
    if (failure === undefined) {
      if (endedMs(job) >= readAtMs) return Number(job.statistics?.load?.outputRows ?? 0);
    } else if (wasOver) {
      const ageMs = env.clock.now().getTime() - endedMs(job);
      if (failure instanceof Refused && ageMs < verdictLastsMs) throw failure;
    } else if (!isWorthAnother(job, failure) || inserts >= mostInserts) {
      throw failure;
    } else {
      await env.clock.sleep(waitBetweenInsertsMs * inserts);
    }
  }
  throw new Unavailable(
    `${mostAttempts} load jobs of the same files into ${load.table.name} came to nothing`,
  );
}

/** True where the service itself failed; a quota is not free again so soon. */
function isWorthAnother({ status }: JobMetadata, failure: Error): boolean {
  return failure instanceof Unavailable && !/quota|rateLimit/i.test(status?.errorResult?.reason ?? "");
}

function failureOf({ status }: JobMetadata): Error | undefined {
  return status?.errorResult ? loadFailure(status.errorResult) : undefined;
}

function endedMs({ statistics }: JobMetadata): number {
  return Number(statistics?.endTime ?? 0);
}

async function insertLoad(env: LoadEnvironment, load: Load, jobId: string): Promise<JobMetadata> {
  const { dataset, table, segments } = load;
  env.counter.note(dataset, table.name);
  return await insertJob(env, jobId, {
    labels: { ...labelsOf({ kind: "load", name: table.name }) },
    load: {
      destinationTable: { projectId: env.requests.project, datasetId: dataset, tableId: table.name },
      // Exact names, never a prefix: what is loaded is what was asked for.
      sourceUris: segments.map(({ url }) => url),
      sourceFormat: "NEWLINE_DELIMITED_JSON",
      encoding: "UTF-8",
      schema: { fields: [...fileFields(table)] },
      autodetect: false,
      createDisposition: "CREATE_NEVER",
      writeDisposition: "WRITE_APPEND",
      // The table was widened before; a load changes no schema, and drops nothing that it does not know.
      schemaUpdateOptions: [],
      ignoreUnknownValues: false,
      maxBadRecords: 0,
    },
  });
}
