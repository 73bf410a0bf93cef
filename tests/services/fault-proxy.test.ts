import { once } from "node:events";
import { type AddressInfo, connect as connectTo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "@jest/globals";
import { hasCode } from "../../core/errors.ts";
import { type FaultProxy, startFaultProxy } from "../../infra/services/fault-proxy.ts";
import { httpServer } from "./http-servers.ts";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** Numbers that a test can tell in advance. */
function numbers(...values: readonly number[]): () => number {
  let next = 0;
  return () => values[next++ % values.length] ?? 0;
}

async function proxyBefore(target: string, random: () => number = () => 0.5): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ target, random });
  opened.push(proxy);
  return proxy;
}

/** A server of no known protocol: it sends back what it is sent. */
async function echo(): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  opened.push({
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Client {
  readonly say: (text: string) => Promise<string>;
  readonly socket: Socket;
}

async function clientOf(proxy: FaultProxy): Promise<Client> {
  const socket = connectTo({ host: "127.0.0.1", port: proxy.port, allowHalfOpen: true });
  socket.on("error", () => {});
  opened.push({ close: () => socket.destroy() });
  await once(socket, "connect");
  const say = async (text: string) => {
    socket.write(text);
    const [piece] = await once(socket, "data", { signal: AbortSignal.timeout(3000) });
    return String(piece);
  };
  return { say, socket };
}

/** The error code with which a connection ends. */
async function endOf({ socket }: Pick<Client, "socket">): Promise<string> {
  try {
    await once(socket, "close", { signal: AbortSignal.timeout(3000) });
    return "closed";
  } catch (error) {
    return hasCode(error, "ECONNRESET") ? "reset" : String(error);
  }
}

describe("a fault proxy", () => {
  it("lets everything through without a fault, both ends of a connection one by one", async () => {
    const { say, socket } = await clientOf(await proxyBefore(await echo()));
    expect(await say("hello")).toBe("hello");
    const rest: string[] = [];
    socket.on("data", (piece) => rest.push(String(piece)));
    socket.end("last words");
    await once(socket, "end");
    expect(rest.join("")).toBe("last words");
  });

  it("holds every piece back", async () => {
    const proxy = await proxyBefore(await echo());
    const { say } = await clientOf(proxy);
    proxy.setFault({ latencyMs: 60 });
    const startedMs = performance.now();
    await say("hello");
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(118);
  });

  it("resets the connection of every third piece", async () => {
    const proxy = await proxyBefore(await echo());
    proxy.setFault({ resetEvery: 3 });
    const client = await clientOf(proxy);
    expect(await client.say("there and back are two")).toBe("there and back are two");
    const end = endOf(client);
    client.socket.write("the third");
    expect(await end).toBe("reset");
    expect(proxy.counts.resets).toBe(1);
  });

  it("resets with a probability, by the numbers that it was given", async () => {
    const proxy = await proxyBefore(await echo(), numbers(0.9, 0.9, 0.1));
    proxy.setFault({ resetProbability: 0.2 });
    const client = await clientOf(proxy);
    expect(await client.say("0.9 twice")).toBe("0.9 twice");
    const end = endOf(client);
    client.socket.write("0.1");
    expect(await end).toBe("reset");
  });

  it("stalls until the next fault, and loses nothing", async () => {
    const proxy = await proxyBefore(await echo());
    const { say } = await clientOf(proxy);
    proxy.setFault({ stall: true });
    const said = say("hello");
    expect(await Promise.race([said, sleep(100, "nothing")])).toBe("nothing");
    proxy.setFault({});
    expect(await said).toBe("hello");
  });

  it("is down for open connections and for new ones, and comes back on the same port", async () => {
    const proxy = await proxyBefore(await echo());
    const before = await clientOf(proxy);
    await before.say("hello");
    const end = endOf(before);
    proxy.setFault({ down: true });
    expect(await end).toBe("reset");
    expect(await endOf({ socket: connectTo(proxy.port, "127.0.0.1") })).toBe("reset");
    proxy.setFault({});
    expect(await (await clientOf(proxy)).say("again")).toBe("again");
  });

  it("resets clients of a server that is not there", async () => {
    const proxy = await proxyBefore("127.0.0.1:1");
    expect(await endOf(await clientOf(proxy))).toBe("reset");
  });
});

describe("a fault proxy before an HTTP server", () => {
  it("answers in the server's place with a probability, and the server hears nothing of it", async () => {
    const heard: string[] = [];
    const target = await httpServer((_, body, response) => {
      heard.push(body);
      response.end("from the server");
    });
    const proxy = await proxyBefore(target, numbers(0.1, 0.7));
    proxy.setFault({ answer: { status: 503, probability: 0.5, retryAfterSeconds: 2 } });
    const refused = await fetch(proxy.endpoint, { method: "POST", body: "first" });
    const taken = await fetch(proxy.endpoint, { method: "POST", body: "second" });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
    expect([taken.status, await taken.text()]).toEqual([200, "from the server"]);
    expect(heard).toEqual(["second"]);
    expect(proxy.counts.answers).toBe(1);
  });

  it("has the other faults too", async () => {
    const target = await httpServer((_request, _body, response) => void response.end("ok"));
    const proxy = await proxyBefore(target);
    expect(await (await fetch(proxy.endpoint)).text()).toBe("ok");
    proxy.setFault({ down: true });
    await expect(fetch(proxy.endpoint)).rejects.toThrow("fetch failed");
    proxy.setFault({});
    expect(await (await fetch(proxy.endpoint)).text()).toBe("ok");
  });
});
