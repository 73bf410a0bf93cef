/** An HTTP proxy that records what was asked, for promises that a server here does not keep: holds, retention, preconditions. */

import type { IncomingMessage } from "node:http";
import { bytesOf, type HttpProxyOptions, type RunningProxy, startHttpProxy } from "./http-proxy.ts";

/** One request, as it came. */
export interface RecordedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  /** The body when it is JSON, or the JSON part of a multipart upload; nothing otherwise. */
  readonly json: unknown;
  /** What the server behind answered; nothing until it did. */
  readonly status: number | undefined;
}

export interface RecordingProxy extends RunningProxy {
  /** In the order in which they were read. */
  readonly requests: readonly RecordedRequest[];
  /** Forgets what was recorded. */
  clear(): void;
}

/** Starts the proxy. It reads requests whole into memory: for tests. */
export async function startRecordingProxy(options: HttpProxyOptions): Promise<RecordingProxy> {
  const requests: { -readonly [Key in keyof RecordedRequest]: RecordedRequest[Key] }[] = [];
  const proxy = await startHttpProxy(options, async (asked, answered, target) => {
    const body = await bytesOf(asked);
    const { method = "GET", url = "/", headers } = asked;
    const recorded = { method, url, headers, json: jsonIn(body, headers), status: undefined };
    const index = requests.push(recorded) - 1;
    answered.once("finish", () => {
      requests[index] = { ...recorded, status: answered.statusCode };
    });
    await target.pass(asked, answered, body);
  });
  return { ...proxy, requests, clear: () => void requests.splice(0) };
}

/** RFC 2387, as Cloud Storage's multipart uploads use it: headers, an empty line, and the object's metadata in the first part. */
function jsonIn(body: Buffer, { "content-type": type = "" }: IncomingMessage["headers"]): unknown {
  const text = body.toString("utf8");
  const boundary = /^multipart\/related;.*boundary="?([^";]+)"?/.exec(type)?.[1];
  if (boundary === undefined) return /^application\/json\b/.test(type) ? parsed(text) : undefined;
  const part = text.split(`--${boundary}`)[1] ?? "";
  return parsed(part.slice(part.search(/\r?\n\r?\n/)));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
