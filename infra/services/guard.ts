/**
 * Stands before the BigQuery server and mends two answers of it that would hide defects of ours: it takes a job id twice (and
 * loads the rows twice), and it answers a failed query with 200. Both are answered as BigQuery documents.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Answer,
  bytesOf,
  type Handler,
  type HttpProxyOptions,
  type RunningProxy,
  sendAnswer,
  sendJson,
  startHttpProxy,
  type Target,
} from "./http-proxy.ts";

/** `POST …/projects/P/jobs`, also below `/upload`. */
const insertion = /\/projects\/([^/?]+)\/jobs(\?|$)/;
/** `GET …/projects/P/jobs/J` */
const lookup = /\/projects\/([^/?]+)\/jobs\/([^/?]+)(\?|$)/;
/** `POST …/projects/P/queries`, and `GET …/queries/J` for the pages of its result. */
const query = /\/projects\/[^/?]+\/queries(\/[^/?]+)?(\?|$)/;

/** Starts the guard on the loopback address. */
export function startGuard(options: HttpProxyOptions): Promise<RunningProxy> {
  return startHttpProxy(options, guarding());
}

/**
 * The server does a job before it answers, and knows it only then. So whoever asks for a job that is being done waits for it
 * here; BigQuery would say that it is running.
 */
function guarding(): Handler {
  const running = new Map<string, Promise<void>>();
  return async (asked, answered, target) => {
    const url = asked.url ?? "/";
    const inserted = asked.method === "POST" ? insertion.exec(url) : null;
    const lookedUp = asked.method === "GET" ? lookup.exec(url) : null;
    if (inserted !== null) {
      await insertJob(running, String(inserted[1]), asked, answered, target);
    } else if (query.test(url)) {
      sendQueryAnswer(await target.ask(await questionOf(asked)), answered);
    } else {
      if (lookedUp !== null) await running.get(`${lookedUp[1]}/${lookedUp[2]}`)?.catch(() => {});
      await target.pass(asked, answered);
    }
  };
}

async function insertJob(
  running: Map<string, Promise<void>>,
  project: string,
  asked: IncomingMessage,
  answered: ServerResponse,
  target: Target,
): Promise<void> {
  const question = await questionOf(asked);
  const reference = referenceIn(question.body);
  if (reference?.jobId === undefined) {
    sendAnswer(answered, await target.ask(question));
    return;
  }
  const key = `${reference.projectId ?? project}/${reference.jobId}`;
  while (running.has(key)) await running.get(key)?.catch(() => {});
  const done = insertOnce().finally(() => running.delete(key));
  running.set(key, done);
  await done;

  async function insertOnce(): Promise<void> {
    if (await isKnown(key, target)) sendDuplicate(answered, project, reference ?? {});
    else sendAnswer(answered, await target.ask(question));
  }
}

/** The server keeps its jobs beside its tables, so a job is known as long as its rows are there, over restarts too. */
async function isKnown(key: string, target: Target): Promise<boolean> {
  const [project, job] = key.split("/");
  const url = `/bigquery/v2/projects/${project}/jobs/${encodeURIComponent(String(job))}`;
  return (await target.ask({ url })).status === 200;
}

interface JobReference {
  readonly projectId?: string;
  readonly location?: string;
  readonly jobId?: string;
}

/** An upload has the job in the first part of a multipart body, where it is a line. */
function referenceIn(body: Buffer): JobReference | undefined {
  const start = body.subarray(0, 64 * 1024).toString("utf8");
  for (const text of [body.toString("utf8"), ...start.split("\r\n")]) {
    const reference = text.startsWith("{") ? jsonOf(text)?.jobReference : undefined;
    if (reference !== undefined) return reference;
  }
  return undefined;
}

function sendDuplicate(answered: ServerResponse, project: string, reference: JobReference): void {
  const { projectId = project, location = "US", jobId } = reference;
  const message = `Already Exists: Job ${projectId}:${location}.${jobId}`;
  sendJson(answered, 409, errorBody(409, "duplicate", "ALREADY_EXISTS", message));
}

/** The Node.js client looks at the status only: with 200 a failed query is an empty result. */
function sendQueryAnswer(answer: Answer, answered: ServerResponse): void {
  const error = answer.status === 200 ? jsonOf(answer.body.toString("utf8"))?.errors?.[0] : undefined;
  if (error === undefined) {
    sendAnswer(answered, answer);
  } else {
    const { reason = "invalidQuery", message = "the query failed" } = error;
    sendJson(answered, 400, errorBody(400, reason, "INVALID_ARGUMENT", message));
  }
}

/** The form of https://docs.cloud.google.com/bigquery/docs/error-messages. */
function errorBody(code: number, reason: string, status: string, message: string): object {
  return { error: { code, message, errors: [{ message, domain: "global", reason }], status } };
}

interface Body {
  readonly jobReference?: JobReference;
  readonly errors?: readonly { readonly reason?: string; readonly message?: string }[];
}

function jsonOf(text: string): Body | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function questionOf(asked: IncomingMessage) {
  const { method, url, headers } = asked;
  return { method, url, headers, body: await bytesOf(asked) };
}
