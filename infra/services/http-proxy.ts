/** An HTTP proxy before one server: what the guard and the proxies for tests are made of. */

import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { messageOf, Unavailable } from "../../core/errors.ts";
import { loopback } from "./ports.ts";

export interface HttpProxyOptions {
  /** The server behind, for example `http://127.0.0.1:24102`. */
  readonly target: string;
  /** Where to listen. @default 0, which takes any free port */
  readonly port?: number;
  /** The address to listen at; in a container it is all of them. @default 127.0.0.1 */
  readonly host?: string;
}

/** A running proxy. */
export interface RunningProxy {
  readonly port: number;
  /** `http://HOST:PORT` */
  readonly endpoint: string;
  /** Ends every connection and stops to listen. */
  close(): Promise<void>;
}

/** An answer that was read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** The server behind, as the handler of a request sees it. */
export interface Target {
  /** Streams the request there and the answer back; with `body` when the request's own was read already. */
  pass(asked: IncomingMessage, answered: ServerResponse, body?: Buffer): Promise<void>;
  /** Asks there and reads the answer whole. It goes on when the client hangs up. */
  ask(asked: Question): Promise<Answer>;
}

export interface Question {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers?: IncomingMessage["headers"];
  readonly body?: Buffer;
}

export type Handler = (asked: IncomingMessage, answered: ServerResponse, target: Target) => Promise<void>;

/** Starts a proxy that does with each request what `handle` says; when that fails, the client is told 502. */
export async function startHttpProxy(options: HttpProxyOptions, handle: Handler): Promise<RunningProxy> {
  // A connection for each request: a server may close an idle one in the moment in which it is used again.
  const agent = new Agent({ keepAlive: false });
  const target = targetAt(options.target, agent);
  const server = createServer((asked, answered) => {
    handle(asked, answered, target).catch((error) => {
      if (answered.headersSent) answered.destroy();
      else
        sendJson(answered, 502, { error: { code: 502, message: messageOf(error), status: "UNAVAILABLE" } });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, options.host ?? loopback, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    endpoint: `http://${loopback}:${port}`,
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function targetAt(base: string, agent: Agent): Target {
  /** The host stays the client's: a server that tells where to go on tells this proxy's address. */
  function open({ method, url = "/", headers = {} }: Question) {
    const address = new URL(url, base);
    return request(address, { method, headers: endToEnd(headers), agent });
  }
  return {
    async pass(asked, answered, body) {
      const outgoing = open(asked);
      answered.once("close", () => outgoing.destroy());
      const replied = replyTo(outgoing);
      if (body !== undefined) outgoing.end(body);
      else pipeline(asked, outgoing).catch((error) => outgoing.destroy(error));
      const reply = await replied;
      answered.writeHead(reply.statusCode ?? 502, endToEnd(reply.headers));
      await pipeline(reply, answered);
    },
    async ask(question) {
      const outgoing = open(question);
      const replied = replyTo(outgoing);
      outgoing.end(question.body);
      const reply = await replied;
      return { status: reply.statusCode ?? 502, headers: reply.headers, body: await bytesOf(reply) };
    },
  };
}

/** RFC 9110, section 7.6.1: what is between two neighbours is not passed on. */
function endToEnd({ connection: _, "keep-alive": __, ...others }: IncomingMessage["headers"]) {
  return others;
}

function replyTo(outgoing: ReturnType<typeof request>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
    outgoing.once("close", () => reject(new Unavailable("the connection was closed before an answer")));
  });
}

export function sendJson(
  answered: ServerResponse,
  status: number,
  value: object,
  headers: object = {},
): void {
  answered.writeHead(status, { "content-type": "application/json; charset=UTF-8", ...headers });
  answered.end(JSON.stringify(value));
}

/** An answer that was read whole is sent with its length. */
export function sendAnswer(answered: ServerResponse, { status, headers, body }: Answer): void {
  const { "transfer-encoding": _, ...others } = endToEnd(headers);
  answered.writeHead(status, { ...others, "content-length": body.length });
  answered.end(body);
}

export async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
