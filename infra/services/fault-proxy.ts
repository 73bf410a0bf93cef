/**
 * A proxy that fails on purpose, on one port for as long as a test or a chaos run lasts. It moves bytes, so HTTP, gRPC and Kafka
 * go through it alike; before an HTTP server it can also answer in the server's place.
 */

import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningProxy, sendJson, startHttpProxy } from "./http-proxy.ts";
import { loopback } from "./ports.ts";

/** What goes wrong; nothing of it is left when the next fault is set. A piece is what one read of a socket gives. */
export interface Fault {
  /** Each piece is held back so long, in each direction. */
  readonly latencyMs?: number;
  /** The connection that carries every so-manieth piece is reset, and the piece is lost. */
  readonly resetEvery?: number;
  /** The connection that carries a piece is reset with this probability, and the piece is lost. */
  readonly resetProbability?: number;
  /** Connections stay open and no piece arrives, until the next fault is set. */
  readonly stall?: boolean;
  /** Every connection is reset, those that are open and those to come. */
  readonly down?: boolean;
  /** Requests are answered so and do not reach the server; for HTTP servers. */
  readonly answer?: {
    readonly status: 429 | 503;
    readonly probability: number;
    readonly retryAfterSeconds?: number;
  };
}

export interface FaultProxyOptions {
  /** `HOST:PORT`, or `http://HOST:PORT`, with which `answer` can be used. */
  readonly target: string;
  /** Where to listen. @default 0, which takes any free port */
  readonly port?: number;
  /** From 0 to below 1; seeded, so that a run can be repeated. */
  readonly random: () => number;
}

export interface FaultProxy extends Omit<RunningProxy, "endpoint"> {
  /** As the target was written: `HOST:PORT`, or `http://HOST:PORT`. */
  readonly endpoint: string;
  /** Replaces the fault; `{}` lets everything through. */
  setFault(fault: Fault): void;
  /** What was done to clients so far. */
  readonly counts: { readonly resets: number; readonly answers: number };
}

/** Starts it without a fault. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const isHttp = options.target.startsWith("http://");
  const weather = new Weather(options.random);
  const answering = isHttp ? await startAnswering(options.target, weather) : undefined;
  const behind = addressOf(answering?.endpoint ?? options.target);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
    weather.join(client, connect({ ...behind, allowHalfOpen: true, noDelay: true })),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, loopback, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    endpoint: `${isHttp ? "http://" : ""}${loopback}:${port}`,
    counts: weather.counts,
    setFault: (fault) => weather.set(fault),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      weather.set({ down: true });
      await closed;
      await answering?.close();
    },
  };
}

/** Kafka and gRPC would not understand an answer in HTTP, so this stage is only there for HTTP servers. */
function startAnswering(target: string, weather: Weather): Promise<RunningProxy> {
  return startHttpProxy({ target }, async (asked, answered, server) => {
    const answer = weather.answerNow();
    if (answer === undefined) return server.pass(asked, answered);
    asked.resume();
    const { status, retryAfterSeconds } = answer;
    const headers = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
    sendJson(answered, status, { error: { code: status, message: "a fault was asked for" } }, headers);
  });
}

/** The fault of the moment, and the connections that it acts upon. */
class Weather {
  readonly counts = { resets: 0, answers: 0 };
  readonly #random: () => number;
  readonly #clients = new Set<Socket>();
  #fault: Fault = {};
  #pieces = 0;
  #waiting: (() => void)[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  set(fault: Fault): void {
    this.#fault = fault;
    for (const goOn of this.#waiting.splice(0)) goOn();
    for (const client of fault.down ? this.#clients : []) this.#reset(client);
  }

  join(client: Socket, server: Socket): void {
    this.#clients.add(client);
    client.once("close", () => {
      this.#clients.delete(client);
      server.destroy();
    });
    // A server that cannot be reached, or that hangs up hard, shows as a reset.
    server.on("error", () => client.resetAndDestroy());
    client.on("error", () => server.destroy());
    if (this.#fault.down) {
      this.#reset(client);
      return;
    }
    void this.#carry(client, server, client);
    void this.#carry(server, client, client);
  }

  answerNow(): Fault["answer"] {
    const { answer } = this.#fault;
    if (answer === undefined || this.#random() >= answer.probability) return undefined;
    this.counts.answers++;
    return answer;
  }

  async #carry(from: Socket, to: Socket, client: Socket): Promise<void> {
    try {
      for await (const piece of from.iterator({ destroyOnReturn: false })) {
        while (this.#fault.stall) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        if (this.#losesPiece()) return this.#reset(client);
        if (this.#fault.latencyMs !== undefined) await sleep(this.#fault.latencyMs);
        if (!to.write(piece)) await drained(to);
      }
      to.end();
    } catch {
      // Either side hung up; the other is told by the sockets' own events.
    }
  }

  #losesPiece(): boolean {
    const { resetEvery, resetProbability } = this.#fault;
    this.#pieces++;
    if (resetEvery !== undefined && this.#pieces % resetEvery === 0) return true;
    return resetProbability !== undefined && this.#random() < resetProbability;
  }

  #reset(client: Socket): void {
    this.counts.resets++;
    client.resetAndDestroy();
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}

function addressOf(target: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(target.startsWith("http://") ? target : `http://${target}`);
  return { host: hostname, port: Number(port) };
}
