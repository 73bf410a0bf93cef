/** BigQuery's REST API, one request at a time: authorised by Google's client, tried again while unavailable, its errors told apart. */

import { BigQuery } from "@google-cloud/bigquery";
import { PassThroughClient } from "google-auth-library";
import { retry } from "../core/retry.ts";
import { answerOf, requestFailure, statementFailure } from "./bigquery-errors.ts";

export interface BigqueryRequest {
  readonly method: "GET" | "POST" | "PATCH";
  /** Below the project, for example `datasets/raw/tables`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly body?: unknown;
  /** The request is done only while the resource has this etag. */
  readonly ifMatch?: string;
  /** It carries a statement, so what the service refuses in it is the statement's fault. */
  readonly isStatement?: boolean;
}

/** A request's outcome, as far as it is expected: there is none such, there is one already, or it was changed meanwhile. */
export type Answer<Body> =
  | { readonly kind: "done"; readonly body: Body }
  | { readonly kind: "missing" | "exists" | "changed"; readonly message: string };

export interface BigqueryRequests {
  readonly project: string;
  readonly location: string;
  /**
   * Sends a request that may be sent again: it reads, or it names what it makes, or it says what it changes. Throws
   * `Unavailable` after some tries, `Misconfigured` or `Refused` at once.
   */
  send<Body>(request: BigqueryRequest): Promise<Answer<Body>>;
  /** As `send`, for requests whose target must be there. */
  ask<Body>(request: BigqueryRequest): Promise<Body>;
  /** The pages of a list. */
  pages<Page extends object>(
    path: string,
    query: NonNullable<BigqueryRequest["query"]>,
  ): AsyncGenerator<Page>;
}

/** Joins the API of a project; `endpoint` is another server than Google's, which is asked without credentials. */
export function bigqueryRequests(options: {
  readonly project: string;
  readonly location: string;
  readonly endpoint?: string | undefined;
}): BigqueryRequests {
  const { project, location, endpoint } = options;
  const client = new BigQuery({
    projectId: project,
    location,
    // Tries are counted here, so that one rule says what is worth another.
    retryOptions: { autoRetry: false },
    ...(endpoint === undefined ? {} : { apiEndpoint: endpoint, authClient: new PassThroughClient() }),
  });
  // The client would let an environment variable of its own decide, whatever it is told.
  client.baseUrl = `${endpoint ?? "https://bigquery.googleapis.com"}/bigquery/v2`;

  async function send<Body>(request: BigqueryRequest): Promise<Answer<Body>> {
    return await retry(
      async () => {
        try {
          return { kind: "done", body: await sendOnce<Body>(client, request) };
        } catch (error) {
          const answer = answerOf(error);
          const expected = expectedAnswer(answer);
          if (expected !== undefined && (expected.kind !== "missing" || !request.isStatement))
            return expected;
          if (request.isStatement && answer !== undefined && [400, 403, 404].includes(answer.status)) {
            throw statementFailure(answer);
          }
          throw requestFailure(error, `${request.method} ${request.path}`);
        }
      },
      { attempts: 4, firstWaitMs: 200 },
    );
  }

  async function ask<Body>(request: BigqueryRequest): Promise<Body> {
    return bodyOf(await send<Body>(request), `${request.method} ${request.path}`);
  }

  async function* pages<Page extends object>(
    path: string,
    query: NonNullable<BigqueryRequest["query"]>,
  ): AsyncGenerator<Page> {
    let pageToken: string | undefined;
    do {
      const turned = pageToken === undefined ? query : { ...query, pageToken };
      const page: Page & PageLink = await ask({ method: "GET", path, query: turned });
      yield page as Awaited<Page>;
      pageToken = page.nextPageToken ?? page.pageToken;
    } while (pageToken);
  }

  return { project, location, send, ask, pages };
}

/** The body; throws where the request was not done. */
export function bodyOf<Body>(answer: Answer<Body>, subject: string): Body {
  if (answer.kind === "done") return answer.body;
  const code = { missing: 404, exists: 409, changed: 412 }[answer.kind];
  throw requestFailure({ code, message: answer.message }, subject);
}

/** Lists write `nextPageToken`, results of queries `pageToken`. */
interface PageLink {
  readonly nextPageToken?: string;
  readonly pageToken?: string;
}

function sendOnce<Body>(client: BigQuery, request: BigqueryRequest): Promise<Body> {
  const { method, path, query, body, ifMatch } = request;
  return new Promise((resolve, reject) => {
    client.request(
      {
        method,
        uri: `/${path}`,
        useQuerystring: true,
        ...(query === undefined ? {} : { qs: { ...query } }),
        ...(body === undefined ? {} : { json: body }),
        ...(ifMatch === undefined ? {} : { headers: { "If-Match": ifMatch } }),
      },
      (error, answer) => (error === null ? resolve(answer as Body) : reject(error)),
    );
  });
}

function expectedAnswer(answer: ReturnType<typeof answerOf>): Answer<never> | undefined {
  const message = answer?.message ?? "";
  switch (answer?.status) {
    case 404:
      return { kind: "missing", message };
    case 409:
      return { kind: "exists", message };
    case 412:
      return { kind: "changed", message };
    default:
      return undefined;
  }
}
