import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { gcsLake } from "../../lake/gcs.ts";
import { type GcsClientOptions, gcsClient } from "../../lake/gcs-client.ts";
import { problem } from "./gcs-bucket.ts";
import { gcsServer } from "./gcs-server.ts";

const get = { method: "GET", to: "/storage/v1/b/b/o/x", about: "gs://b/x" } as const;

const clientOn = (endpoint: string, options: Partial<GcsClientOptions> = {}) =>
  gcsClient({
    endpoint,
    authorize: async () => ({ authorization: "Bearer secret-token" }),
    idleMs: 1000,
    connections: 4,
    retry: { attempts: 2, firstWaitMs: 1 },
    ...options,
  });

const servers: Server[] = [];

/** A server that answers by a function of the test. */
async function serverWith(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

describe("requests to Cloud Storage", () => {
  it("prove who asks, except to an address that is itself the permission", async () => {
    const server = await gcsServer();
    const client = clientOn(server.endpoint);
    await client.send(get);
    await client.send({ method: "PUT", to: `${server.endpoint}/session/1`, about: "gs://b/x" });
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer secret-token",
      undefined,
    ]);
  });

  it("give a trial server no credentials", async () => {
    const server = await gcsServer();
    const credentials = { client_email: "a@b.iam.gserviceaccount.com", private_key: "key" };
    await gcsLake({ bucket: "b", endpoint: server.endpoint, credentials }).stat("x");
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  it("say Unavailable without a token, with an old token, and without a server; never with a secret", async () => {
    const server = await gcsServer();
    const failing = clientOn(server.endpoint, {
      authorize: () =>
        Promise.reject(Object.assign(new TypeError("invalid_grant"), { config: "secret-token" })),
    });
    const messages: string[] = [];
    server.fail(
      () => true,
      problem(401, "authError", "Invalid Credentials"),
      problem(401, "authError", "again"),
    );
    for (const client of [failing, clientOn(server.endpoint), clientOn("http://127.0.0.1:9")]) {
      const error = await client.send(get).catch((caught) => caught);
      expect(error).toMatchObject({ name: "Unavailable" });
      messages.push(`${error.message} ${JSON.stringify(error.cause ?? {})}`);
    }
    expect(messages.map((message) => message.slice(0, 9))).toEqual(["gs://b/x:", "gs://b/x:", "gs://b/x:"]);
    expect(messages.join()).not.toContain("secret-token");
  });

  it("do not wait for a token for ever", async () => {
    const client = clientOn("http://127.0.0.1:9", { authorize: () => new Promise(() => {}), idleMs: 20 });
    await expect(client.send(get)).rejects.toMatchObject({
      name: "Unavailable",
      message: "gs://b/x: no access token for Cloud Storage (none came for 20 ms)",
    });
  });

  it("keep their connections, and open no more than they may", async () => {
    const server = await gcsServer();
    const client = clientOn(server.endpoint, { connections: 2 });
    await Promise.all(Array.from({ length: 20 }, () => client.send(get)));
    await client.send(get);
    expect(server.requests).toHaveLength(21);
    expect(server.connections()).toBe(2);
  });

  it("fail when nothing moves, and succeed when it moves slowly", async () => {
    const server = await gcsServer();
    server.fail(() => true, "silence", "silence");
    await expect(clientOn(server.endpoint, { idleMs: 50 }).send(get)).rejects.toMatchObject({
      name: "Unavailable",
      message: expect.stringContaining("nothing came for 50 ms"),
    });
    const slow = await serverWith((_, response) => {
      let left = 8;
      const timer = setInterval(() => {
        response.write(" ");
        left -= 1;
        if (left > 0) return;
        clearInterval(timer);
        response.end('{"ok":true}');
      }, 20);
    });
    expect((await clientOn(slow, { idleMs: 100 }).send(get)).json).toEqual({ ok: true });
  });

  it("are not disturbed when a reader leaves a download early", async () => {
    const endpoint = await serverWith(({ url }, response) => {
      if (url?.startsWith("/endless")) {
        const timer = setInterval(() => response.write(Buffer.alloc(65_536)), 1);
        response.on("close", () => clearInterval(timer));
      } else {
        setTimeout(() => response.end('{"ok":true}'), 150);
      }
    });
    const client = clientOn(endpoint, { retry: { attempts: 1 } });
    const download = await client.open({ ...get, to: "/endless" });
    const other = client.send(get);
    if (!("destroy" in download)) throw new TypeError("expected a download");
    for await (const _ of download) break;
    expect((await other).json).toEqual({ ok: true });
  });

  it("end with the client", async () => {
    const server = await gcsServer();
    const client = clientOn(server.endpoint);
    server.fail(() => true, "silence", "silence");
    const asked = client.sendOnce(get);
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    client.close();
    await expect(asked).rejects.toMatchObject({ name: "Unavailable" });
  });

  it("understand errors that are plain text, or a proxy's page", async () => {
    const endpoint = await serverWith((_, response) => {
      response.writeHead(403, { "content-type": "text/html" });
      response.end("<html>Blocked by policy</html>");
    });
    const client = clientOn(endpoint);
    expect(await client.send(get)).toMatchObject({
      status: 403,
      reason: "",
      message: "<html>Blocked by policy</html>",
    });
    const opened = await client.open(get);
    expect("status" in opened && opened.message).toBe("<html>Blocked by policy</html>");
  });
});
