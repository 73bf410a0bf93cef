/** BigQuery's errors in the three families, by the reasons that its documentation names (docs.cloud.google.com/bigquery/docs/error-messages). */

import { hasCode, Misconfigured, messageOf, Refused, Unavailable } from "../core/errors.ts";

/** An error as requests and jobs carry it. */
export interface ServiceError {
  readonly reason?: string;
  readonly message?: string;
  /** `query`, a URI, or where else it happened. */
  readonly location?: string;
}

/** Theirs, or too much at once: the same may work later. */
const passing: ReadonlySet<string> = new Set([
  "backendError",
  "internalError",
  "jobBackendError",
  "jobInternalError",
  "jobRateLimitExceeded",
  "quotaExceeded",
  "rateLimitExceeded",
  "stopped",
  "tableUnavailable",
  "timeout",
]);

/** Rights, billing and names that only an operator can set right. */
const operators: ReadonlySet<string> = new Set([
  "accessDenied",
  "billingNotEnabled",
  "blocked",
  "invalidUser",
  "notFound",
]);

/** No connection, or one that broke. */
const networkCodes = [
  "ECONNREFUSED",
  "ECONNRESET",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
] as const;

/** What the service answered to a request that failed, or undefined when there was no answer. */
export function answerOf(error: unknown): (ServiceError & { readonly status: number }) | undefined {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: readonly ServiceError[] };
  if (typeof code !== "number") return undefined;
  return { message: messageOf(error), ...errors?.[0], status: code };
}

/** A request's failure: passing ones are `Unavailable`; rights, accounts, and projects or datasets that are missing, `Misconfigured`. */
export function requestFailure(error: unknown, subject: string): unknown {
  const answer = answerOf(error);
  if (answer === undefined) return connectionFailure(error, subject);
  const { status, reason = "" } = answer;
  const text = `${subject}: ${textOf(answer)}`;
  if (passing.has(reason) || status === 408 || status === 429 || status >= 500) return new Unavailable(text);
  return new Misconfigured([`BigQuery, ${text}; expected a project and dataset that this account may use`]);
}

function connectionFailure(error: unknown, subject: string): unknown {
  const text = `${subject}: ${oneLine(messageOf(error))}`;
  if (hasCode(error, ...networkCodes) || /socket hang up|network timeout/i.test(text)) {
    return new Unavailable(`BigQuery cannot be reached, ${text}`, { cause: error });
  }
  if (/credentials|invalid_(grant|client|rapt)|unauthorized_client/i.test(text)) {
    return new Misconfigured([`BigQuery, ${text}; expected application default credentials that are valid`]);
  }
  return error;
}

/**
 * A statement's failure: what it names or does is refused, with BigQuery's position. A table that it may not read is its own
 * fault too, since BigQuery does not tell that from one that does not exist; a project that it may not run in is not.
 */
export function statementFailure(error: ServiceError): Error {
  const { reason = "" } = error;
  const text = textOf(error);
  const isStatements = /^(Access Denied: (Table|View|Dataset)|Not found: (?!Project))/.test(text);
  if (operators.has(reason) && !isStatements) {
    return new Misconfigured([`BigQuery: ${text}; expected a project that this account may run jobs in`]);
  }
  // Two statements that change one table at once: the documentation of DML says to run the later one again.
  if (passing.has(reason) || /due to concurrent update/.test(text)) return new Unavailable(text);
  if (reason === "bytesBilledLimitExceeded") {
    return new Refused("query_failed", text, "a statement that bills less than DARKROOM_MAX_BYTES_BILLED");
  }
  return new Refused("query_failed", text, "a statement that runs, over tables that this account may read");
}

/** Called `invalid` as unfit rows are, but no row is at fault. */
const setUpFault = /different locations|Provided Schema does not match/i;

/** What a failed load job says about loading its files again: nothing will help, somebody has to act, or a later job may do. */
export function loadFailure(error: ServiceError): Error {
  const { reason = "", location } = error;
  const text = location === undefined ? textOf(error) : `${location}: ${textOf(error)}`;
  if (passing.has(reason)) return new Unavailable(text);
  if (operators.has(reason) || setUpFault.test(text)) {
    const expected = "tables as they are defined, and files in their location that this account may read";
    return new Misconfigured([`BigQuery, load: ${text}; expected ${expected}`]);
  }
  return new Refused("rows_unfit", text, "rows that fit the table");
}

function textOf({ message, reason }: ServiceError): string {
  return oneLine(message ?? reason ?? "no reason was given");
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
