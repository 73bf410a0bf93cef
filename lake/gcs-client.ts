/**
 * Requests to Cloud Storage's JSON API, repeated while they are only unavailable. The exchange is an own one over node:http: in
 * the library (7.22.0) a read that is left early cuts every other request of the process, for it destroys the agent they share.
 */

import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf, Unavailable } from "../core/errors.ts";
import { type RetryOptions, retry } from "../core/retry.ts";
import { failureOf, type GcsFailure, isTransient } from "./gcs-errors.ts";

export interface GcsClientOptions {
  /** For example `https://storage.googleapis.com`. */
  readonly endpoint: string;
  /** The headers that prove who asks; for the service's own addresses only. */
  readonly authorize: () => Promise<Readonly<Record<string, string>>>;
  /** A request on which nothing moves for so long has failed. */
  readonly idleMs: number;
  /** Connections for downloads, and as many again for everything else, so that slow readers do not hold up writers. */
  readonly connections: number;
  readonly retry: RetryOptions;
}

export interface GcsRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** A path of the endpoint; or a whole address that is itself the permission (an upload session's) and gets no other. */
  readonly to: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent one after the other. */
  readonly body?: readonly Uint8Array[];
  /** The `gs://` address that messages name. */
  readonly about: string;
}

export interface GcsAnswer extends GcsFailure {
  readonly headers: IncomingHttpHeaders;
  readonly json: unknown;
  /** True when an earlier try of the same request may have had its effect. */
  readonly isRepeated: boolean;
}

export interface GcsClient {
  readonly retry: RetryOptions;
  /** For requests that may be repeated. @throws Unavailable when no try was answered */
  send(request: GcsRequest): Promise<GcsAnswer>;
  /** @throws Unavailable when it was not answered, or with a status that says to try again */
  sendOnce(request: GcsRequest): Promise<GcsAnswer>;
  /** A download: its bytes as they come, or the answer that there are none. @throws Unavailable */
  open(request: GcsRequest): Promise<IncomingMessage | GcsAnswer>;
  close(): void;
}

/** A client whose connections stay open between requests. */
export function gcsClient(options: GcsClientOptions): GcsClient {
  const agents = { requests: agentFor(options), downloads: agentFor(options) };

  async function exchange(request: GcsRequest, agent: http.Agent): Promise<IncomingMessage> {
    const isCapability = request.to.startsWith("http");
    const url = new URL(isCapability ? request.to : options.endpoint.replace(/\/$/, "") + request.to);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const authorization = isCapability ? {} : await authorized(options, request);
    return exchangeOnce(url, request, authorization, { agent, idleMs: options.idleMs });
  }

  const sendOnce = async (request: GcsRequest, isRepeated = false) => {
    const answer = await readAnswer(request, await exchange(request, agents.requests), isRepeated);
    if (isTransient(answer)) throw failureOf(answer, request.about);
    return answer;
  };

  return {
    retry: options.retry,
    sendOnce: (request) => sendOnce(request),
    send: (request) => retry((attempt) => sendOnce(request, attempt > 1), options.retry),
    open: (request) =>
      retry(async () => {
        const response = await exchange(request, agents.downloads);
        if (isSuccess(response.statusCode ?? 0)) return response;
        const answer = await readAnswer(request, response, false);
        if (isTransient(answer)) throw failureOf(answer, request.about);
        return answer;
      }, options.retry),
    close() {
      agents.requests.destroy();
      agents.downloads.destroy();
    },
  };
}

/** True for 2xx. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function agentFor({ endpoint, connections, idleMs }: GcsClientOptions): http.Agent {
  const { Agent } = endpoint.startsWith("https:") ? https : http;
  return new Agent({ keepAlive: true, maxSockets: connections, timeout: idleMs });
}

/** The cause is left out on purpose: the authentication library's errors carry the request, with its secrets. */
async function authorized({ authorize, idleMs }: GcsClientOptions, { about }: GcsRequest) {
  const done = new AbortController();
  try {
    return await Promise.race([authorize(), tooLate(idleMs, done.signal)]);
  } catch (error) {
    throw new Unavailable(`${about}: no access token for Cloud Storage (${messageOf(error)})`);
  } finally {
    done.abort();
  }
}

async function tooLate(afterMs: number, signal: AbortSignal): Promise<never> {
  await delay(afterMs, undefined, { signal });
  throw new Unavailable(`none came for ${afterMs} ms`);
}

function exchangeOnce(
  url: URL,
  { method, headers, body = [], about }: GcsRequest,
  authorization: Readonly<Record<string, string>>,
  { agent, idleMs }: { readonly agent: http.Agent; readonly idleMs: number },
): Promise<IncomingMessage> {
  const length = body.reduce((sum, part) => sum + part.length, 0);
  const lengthHeader = method === "GET" || method === "DELETE" ? {} : { "content-length": String(length) };
  return new Promise((resolve, reject) => {
    const outgoing = (url.protocol === "https:" ? https : http).request(url, {
      method,
      headers: { "user-agent": "darkroom", ...lengthHeader, ...headers, ...authorization },
      agent,
      timeout: idleMs,
    });
    let incoming: IncomingMessage | undefined;
    outgoing.on("response", (response) => {
      incoming = response;
      resolve(response);
    });
    outgoing.on("error", (error) => reject(unreachable(about, error)));
    outgoing.on("timeout", () => {
      // A reader that takes its time is no fault of the service.
      if (incoming?.isPaused()) outgoing.setTimeout(idleMs);
      else (incoming ?? outgoing).destroy(new Unavailable(`${about}: nothing came for ${idleMs} ms`));
    });
    for (const part of body) outgoing.write(part);
    outgoing.end();
  });
}

/** The error for a connection that could not be made or broke. */
export function unreachable(about: string, error: unknown): Unavailable {
  if (error instanceof Unavailable) return error;
  return new Unavailable(`${about}: Cloud Storage cannot be reached (${messageOf(error)})`, { cause: error });
}

async function readAnswer(
  { about }: GcsRequest,
  response: IncomingMessage,
  isRepeated: boolean,
): Promise<GcsAnswer> {
  try {
    const content = await text(response);
    const json = parse(content);
    const status = response.statusCode ?? 0;
    return { status, headers: response.headers, json, ...problemIn(json, content), isRepeated };
  } catch (error) {
    throw unreachable(about, error);
  }
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

interface ErrorBody {
  readonly error?: {
    readonly message?: unknown;
    readonly errors?: readonly { readonly reason?: unknown }[];
  };
}

/** The form of errors: cloud.google.com/storage/docs/json_api/v1/status-codes; a download's error is plain text. */
function problemIn(json: unknown, content: string): { readonly reason: string; readonly message: string } {
  const { error } = (typeof json === "object" && json !== null ? json : {}) as ErrorBody;
  const reason = Array.isArray(error?.errors) ? error.errors[0]?.reason : undefined;
  return {
    reason: String(reason ?? ""),
    message: String(error?.message ?? (json === undefined ? content : "")),
  };
}
