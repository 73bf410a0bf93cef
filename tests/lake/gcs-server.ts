/** A server in the test's process that answers as Cloud Storage does, records what was asked, and fails when it is told to. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll } from "@jest/globals";
import { type Answered, type Asked, type BucketOptions, memoryBucket } from "./gcs-bucket.ts";

/**
 * `reset`: the connection breaks before anything is done; `half`: so it does after half of the body; `loseAnswer`: after it is
 * done; `cut`: half of the answer comes; `stall`: and the rest never; `flip`: one byte of it is another; `silence`: nothing
 * comes; or another answer, and nothing is done.
 */
export type Fault = "reset" | "half" | "loseAnswer" | "cut" | "stall" | "flip" | "silence" | Answered;

export interface GcsServer extends ReturnType<typeof memoryBucket> {
  readonly endpoint: string;
  /** Everything that was asked, in order. */
  readonly requests: Asked[];
  /** `METHOD path` of everything that was asked, without what says only which bucket. */
  lines(): readonly string[];
  /** Lets requests fail: the first fault for the first request that fits, and so on. */
  fail(fits: (asked: Asked) => boolean, ...faults: readonly Fault[]): void;
  /** Connections that were opened until now. */
  connections(): number;
}

const stops: (() => void)[] = [];

export async function gcsServer(options: Partial<BucketOptions> = {}): Promise<GcsServer> {
  const defaults = { name: "b", defaultEventBasedHold: false, retentionMs: 0, pageSize: 1000 };
  const bucket = memoryBucket({ ...defaults, now: () => new Date(), ...options });
  const requests: Asked[] = [];
  const failing: { fits: (asked: Asked) => boolean; faults: Fault[] }[] = [];
  let connections = 0;

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse) {
    const url = new URL(incoming.url ?? "/", "http://server");
    const asked: Asked = {
      method: incoming.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers as Asked["headers"],
      body: await buffer(incoming),
    };
    requests.push(asked);
    const fault = failing.find(({ fits, faults }) => faults.length > 0 && fits(asked))?.faults.shift();
    await answer(fault, asked, outgoing);
  }

  async function answer(fault: Fault | undefined, asked: Asked, outgoing: ServerResponse) {
    if (fault === "silence") return;
    if (fault === "half") bucket.answer({ ...asked, body: asked.body.subarray(0, asked.body.length / 2) });
    if (fault === "reset" || fault === "half") return void outgoing.socket?.destroy();
    const {
      status,
      headers,
      body = Buffer.alloc(0),
    } = typeof fault === "object" ? fault : bucket.answer(asked);
    if (fault === "loseAnswer") return void outgoing.socket?.destroy();
    outgoing.writeHead(status, { ...headers, "content-length": body.length });
    if (fault === "cut") {
      outgoing.write(body.subarray(0, body.length / 2), () => outgoing.socket?.destroy());
    } else if (fault === "stall") {
      outgoing.write(body.subarray(0, body.length / 2));
    } else {
      outgoing.end(
        fault === "flip" ? Buffer.from(body.map((byte, index) => (index === 0 ? byte ^ 1 : byte))) : body,
      );
    }
  }

  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing).catch(() => undefined));
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    ...bucket,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    lines: () =>
      requests.map(({ method, path }) => `${method} ${path.replace(/\/storage\/v1\/b\/[^/]+/, "")}`),
    fail: (fits, ...faults) => void failing.push({ fits, faults: [...faults] }),
    connections: () => connections,
  };
}

afterAll(() => {
  for (const stop of stops.splice(0)) stop();
});
