/** Jobs: inserted under ids of our own, so that an insert that is sent again meets itself, waited for, and told apart by labels. */

import { randomUUID } from "node:crypto";
import type { JobMetadata, QueryParameter, TableField } from "@google-cloud/bigquery";
import type { Clock } from "../core/clock.ts";
import { Refused, Unavailable } from "../core/errors.ts";
import { statementFailure } from "./bigquery-errors.ts";
import { type BigqueryRequest, type BigqueryRequests, bodyOf } from "./bigquery-requests.ts";
import { fieldOf, rowOf } from "./bigquery-values.ts";
import type { Effect, Purpose, QueryResult, Value } from "./warehouse.ts";

export type Labels = Readonly<Record<string, string>>;

/** What goes on every job and table, so that the bill can be told apart from others'. */
export const application: Labels = { application: "darkroom" };

/** Why a job runs, as labels; a value has at most 63 lower-case letters, digits, `_` and `-` (docs: labels-intro). */
export function labelsOf(purpose: { readonly kind: string; readonly name: string }): Labels {
  return { ...application, kind: labelValue(purpose.kind), name: labelValue(purpose.name) };
}

function labelValue(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "-")
    .slice(0, 63);
}

export interface JobEnvironment {
  readonly requests: BigqueryRequests;
  readonly clock: Clock;
  /** The most that one query may bill, in bytes. */
  readonly maximumBytesBilled: number;
}

/** Parameters of a query by name, all of them scalars. */
export type Parameters = Readonly<Record<string, { readonly type: string; readonly value: string }>>;

/** So long a job is waited for; whoever asks later meets the same job. */
const longestWaitMs = 15 * 60_000;
const firstPollMs = 100;
const slowestPollMs = 2000;
/** A job that was inserted a moment ago may not be found yet. */
const looksForExisting = 5;

/** The job, or undefined when there is none of this id (jobs are kept for about 180 days). */
export async function findJob(requests: BigqueryRequests, jobId: string): Promise<JobMetadata | undefined> {
  const { location } = requests;
  const answer = await requests.send<JobMetadata>({
    method: "GET",
    path: `jobs/${jobId}`,
    query: { location },
  });
  return answer.kind === "done" ? answer.body : undefined;
}

/** Inserts the job; one that is there already is the same one. Returns it as it is then, running or done. */
export async function insertJob(
  { requests, clock }: Pick<JobEnvironment, "requests" | "clock">,
  jobId: string,
  configuration: NonNullable<JobMetadata["configuration"]>,
): Promise<JobMetadata> {
  const { project: projectId, location } = requests;
  const answer = await requests.send<JobMetadata>({
    method: "POST",
    path: "jobs",
    body: { jobReference: { projectId, jobId, location }, configuration },
    isStatement: configuration.query !== undefined,
  });
  if (answer.kind !== "exists") return bodyOf(answer, `POST job ${jobId}`);
  for (let look = 0; look < looksForExisting; look++) {
    const existing = await findJob(requests, jobId);
    if (existing !== undefined) return existing;
    await clock.sleep(slowestPollMs);
  }
  throw new Unavailable(`BigQuery has the job ${jobId} and does not find it`);
}

/** Waits until the job is done, for whatever it became. Throws `Unavailable` when it takes too long. */
export async function settledJob(
  { requests, clock }: Pick<JobEnvironment, "requests" | "clock">,
  job: JobMetadata,
): Promise<JobMetadata> {
  const startedMs = clock.elapsedMs();
  let current = job;
  let pollMs = firstPollMs;
  while (current.status?.state !== "DONE") {
    if (clock.elapsedMs() - startedMs > longestWaitMs) {
      throw new Unavailable(`BigQuery's job ${job.jobReference?.jobId} is still ${current.status?.state}`);
    }
    await clock.sleep(pollMs);
    pollMs = Math.min(pollMs * 1.5, slowestPollMs);
    current = await requests.ask({
      method: "GET",
      path: `jobs/${job.jobReference?.jobId}`,
      query: { location: requests.location },
    });
  }
  return current;
}

/** Runs a statement or a script to its end. Throws what `statementFailure` says. */
export async function runStatement(
  env: JobEnvironment,
  sql: string,
  labels: Labels,
  parameters: Parameters = {},
): Promise<JobMetadata> {
  const jobId = `darkroom_${labels.kind}_${randomUUID()}`;
  const configuration = queryConfiguration(env, sql, labels, parameters);
  const job = await settledJob(env, await insertJob(env, jobId, configuration));
  const problem = job.status?.errorResult;
  if (problem) throw statementFailure(problem);
  return job;
}

/** Bytes that the job, with all its parts, is billed for. */
export function bytesBilledOf(job: JobMetadata): number {
  return Number(job.statistics?.query?.totalBytesBilled ?? 0);
}

/** The rows of a query's result, page by page. */
export async function* resultPages(
  requests: BigqueryRequests,
  job: JobMetadata,
): AsyncGenerator<QueryResult> {
  const pages = requests.pages<ResultPage>(`queries/${job.jobReference?.jobId}`, {
    location: requests.location,
    // Otherwise times come as floating-point seconds.
    "formatOptions.useInt64Timestamp": true,
  });
  const bytesBilled = bytesBilledOf(job);
  for await (const page of pages) {
    const schema = (page.schema?.fields ?? []).map(fieldOf);
    yield { schema, rows: (page.rows ?? []).map((row) => rowOf(row, schema)), bytesBilled };
  }
}

interface ResultPage {
  readonly schema?: { readonly fields?: readonly TableField[] };
  readonly rows?: readonly { readonly f?: readonly { readonly v?: unknown }[] }[];
}

/** Answers one query. Throws `Refused` (`not_a_query`) before anything is done when it is none, or a script of several. */
export async function runQuery(env: JobEnvironment, sql: string): Promise<QueryResult> {
  const labels = labelsOf({ kind: "query", name: "query" });
  if (!plainQuery.test(sql)) await checkQuery(env, sql, labels);
  const job = await runStatement(env, sql, labels);
  const rows: Readonly<Record<string, Value>>[] = [];
  let schema: QueryResult["schema"] = [];
  for await (const page of resultPages(env.requests, job)) {
    schema = page.schema;
    for (const row of page.rows) rows.push(row);
  }
  return { schema, rows, bytesBilled: bytesBilledOf(job) };
}

/** What begins so is a query, and several statements need a semicolon between them. */
const plainQuery = /^\s*(select|with)\b[^;]*;?\s*$/i;

/** Where the text alone does not tell, a dry run does, which does nothing and bills nothing. */
async function checkQuery(env: JobEnvironment, sql: string, labels: Labels): Promise<void> {
  const { project: projectId, location } = env.requests;
  const configuration = { ...queryConfiguration(env, sql, labels, {}), dryRun: true };
  const dry = await env.requests.ask<JobMetadata>({
    method: "POST",
    path: "jobs",
    body: { jobReference: { projectId, location }, configuration },
    isStatement: true,
  });
  if (dry.statistics?.query?.statementType === "SELECT") return;
  throw new Refused("not_a_query", "This is not one query.", "exactly one SELECT");
}

/** Runs a script; the rows are those of its last statement. */
export async function runScript(env: JobEnvironment, script: string, purpose: Purpose): Promise<Effect> {
  const job = await runStatement(env, script, labelsOf(purpose));
  const last = job.statistics?.query?.statementType === "SCRIPT" ? await lastChild(env.requests, job) : job;
  return {
    rows: last === undefined ? 0 : await rowsWritten(env.requests, last),
    bytesBilled: bytesBilledOf(job),
  };
}

/** Jobs of this account, latest first, page by page. */
export async function* jobPages(
  requests: BigqueryRequests,
  query: NonNullable<BigqueryRequest["query"]>,
): AsyncGenerator<readonly JobMetadata[]> {
  for await (const { jobs = [] } of requests.pages<{ readonly jobs?: readonly JobMetadata[] }>(
    "jobs",
    query,
  )) {
    yield jobs;
  }
}

/** The statement of a script that was begun last. */
async function lastChild(requests: BigqueryRequests, script: JobMetadata): Promise<JobMetadata | undefined> {
  const parentJobId = String(script.jobReference?.jobId);
  const children: JobMetadata[] = [];
  for await (const jobs of jobPages(requests, { parentJobId, projection: "full", maxResults: 1000 })) {
    children.push(...jobs);
  }
  const startedAt = (job: JobMetadata) => Number(job.statistics?.startTime ?? 0);
  return children.reduce<JobMetadata | undefined>(
    (last, job) => (last === undefined || startedAt(job) > startedAt(last) ? job : last),
    undefined,
  );
}

async function rowsWritten(requests: BigqueryRequests, job: JobMetadata): Promise<number> {
  const { statementType, numDmlAffectedRows, ddlTargetTable } = job.statistics?.query ?? {};
  if (numDmlAffectedRows !== undefined) return Number(numDmlAffectedRows);
  if (statementType !== "CREATE_TABLE_AS_SELECT") return 0;
  const made = ddlTargetTable ?? job.configuration?.query?.destinationTable;
  const { numRows = "0" } = await requests.ask<{ readonly numRows?: string }>({
    method: "GET",
    path: `datasets/${made?.datasetId}/tables/${made?.tableId}`,
  });
  return Number(numRows);
}

function queryConfiguration(
  { maximumBytesBilled }: JobEnvironment,
  sql: string,
  labels: Labels,
  parameters: Parameters,
): NonNullable<JobMetadata["configuration"]> {
  const queryParameters = Object.entries(parameters).map(
    ([name, { type, value }]): QueryParameter => ({
      name,
      parameterType: { type },
      parameterValue: { value },
    }),
  );
  return {
    labels: { ...labels },
    query: {
      query: sql,
      useLegacySql: false,
      maximumBytesBilled: String(maximumBytesBilled),
      ...(queryParameters.length === 0 ? {} : { parameterMode: "NAMED", queryParameters }),
    },
  };
}
