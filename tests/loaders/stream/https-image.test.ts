import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { Refused } from "../../../core/errors.ts";
import { isForbiddenAddress } from "../../../loaders/stream/addresses.ts";
import { claimSources } from "../../../loaders/stream/claim.ts";
import { fetchImage, type HttpsOptions } from "../../../loaders/stream/https-image.ts";
import { selfSigned } from "../../certificate.ts";

const image = Buffer.from("an image");
const { key, cert } = selfSigned(["images.example", "127.0.0.1"]);

type Answer = (asked: IncomingMessage, answered: ServerResponse) => void;

describe("images over HTTPS", () => {
  let server: Server;
  let port: number;
  let answer: Answer;
  let asked: IncomingMessage[];

  beforeAll(async () => {
    server = createServer({ key, cert }, (request, response) => {
      asked.push(request);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  beforeEach(() => {
    asked = [];
    answer = (_, response) => response.end(image);
  });

  /** Loopback is allowed here, since the server listens there, and nothing else that is not public. */
  function fetchFrom(path: string, options: HttpsOptions & { maxBytes?: number; host?: string } = {}) {
    const { host = `images.example:${port}`, maxBytes = 1_000_000, ...rest } = options;
    const { checkUrl } = claimSources([`https://images.example:${port}`, "https://elsewhere.example"]);
    const tooLarge = () => new Refused("claim_too_large", "too large", "less");
    return fetchImage(
      { url: new URL(path, `https://${host}`), checkUrl, maxBytes, tooLarge },
      {
        ca: cert,
        resolve: async () => ["127.0.0.1"],
        isForbiddenAddress: (address) => address !== "127.0.0.1" && isForbiddenAddress(address),
        ...rest,
      },
    );
  }

  it("come as they are, from a server that is asked as little as possible", async () => {
    expect(await fetchFrom("/a.jpg?b=c#d")).toEqual(image);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      method: "GET",
      url: "/a.jpg?b=c",
      headers: { host: `images.example:${port}`, "accept-encoding": "identity" },
    });
    expect(Object.keys(asked[0]?.headers ?? {}).sort()).toEqual([
      "accept",
      "accept-encoding",
      "connection",
      "host",
      "user-agent",
    ]);
  });

  describe("are not looked for", () => {
    it.each([
      ["127.0.0.1"],
      ["::1"],
      ["::ffff:127.0.0.1"],
      ["169.254.169.254"],
      ["10.1.2.3"],
      ["100.64.0.1"],
      ["0.0.0.0"],
      ["fd00::1"],
      ["fe80::1"],
      ["64:ff9b::10.0.0.1"],
    ])("at a name that leads to %s", async (address) => {
      const fetching = fetchFrom("/", { resolve: async () => [address], isForbiddenAddress });
      await expect(fetching).rejects.toMatchObject({ reason: "claim_not_allowed" });
      expect(asked).toEqual([]);
    });

    it("at a name that leads to a public and to a private address", async () => {
      for (const addresses of [
        ["8.8.8.8", "10.0.0.1"],
        ["10.0.0.1", "8.8.8.8"],
      ]) {
        const fetching = fetchFrom("/", { resolve: async () => addresses, isForbiddenAddress });
        await expect(fetching).rejects.toMatchObject({ reason: "claim_not_allowed" });
      }
      expect(asked).toEqual([]);
    });

    it.each(["127.0.0.1", "[::1]", "[::ffff:7f00:1]"])(
      "at the address %s, which needs no looking up",
      async (host) => {
        const fetching = fetchFrom("/", { host: `${host}:${port}`, isForbiddenAddress });
        await expect(fetching).rejects.toMatchObject({ reason: "claim_not_allowed" });
        expect(asked).toEqual([]);
      },
    );

    it("a second time: what was checked is what is connected to", async () => {
      let lookups = 0;
      const resolve = async () => {
        lookups += 1;
        return lookups === 1 ? ["127.0.0.1"] : ["127.0.0.2"];
      };
      const reached: (string | undefined)[] = [];
      answer = (request, response) => {
        reached.push(request.socket.localAddress);
        response.end(image);
      };
      await fetchFrom("/", { resolve });
      expect(lookups).toBe(1);
      expect(reached).toEqual(["127.0.0.1"]);
    });
  });

  describe("behind redirects", () => {
    const redirectTo = (...places: readonly string[]) => {
      let hop = 0;
      answer = (_, response) => {
        const location = places[hop];
        hop += 1;
        if (location === undefined) response.end(image);
        else response.writeHead(302, { location }).end("moved");
      };
    };

    it("are fetched, three hops away at most", async () => {
      redirectTo("/b", "c?d=e", `https://images.example:${port}/f`);
      expect(await fetchFrom("/a/")).toEqual(image);
      expect(asked.map(({ url }) => url)).toEqual(["/a/", "/b", "/c?d=e", "/f"]);
      redirectTo("/1", "/2", "/3", "/4");
      await expect(fetchFrom("/")).rejects.toMatchObject({ reason: "claim_not_found" });
    });

    it.each([
      ["to a host that is not on the list", "https://evil.example/"],
      ["to an address", "https://169.254.169.254/latest/meta-data"],
      ["to plain HTTP", "http://images.example/"],
      ["to credentials", "https://user:word@elsewhere.example/"],
      ["to another scheme", "file:///etc/passwd"],
      ["to the host on another port", "https://images.example:1/"],
    ])("%s are not fetched", async (_what, location) => {
      redirectTo(location);
      await expect(fetchFrom("/")).rejects.toMatchObject({ reason: "claim_not_allowed" });
      expect(asked).toHaveLength(1);
    });

    it("to a host on the list that leads to a private address are not fetched", async () => {
      redirectTo("https://elsewhere.example/");
      const resolve = async (host: string) => (host === "elsewhere.example" ? ["10.0.0.1"] : ["127.0.0.1"]);
      await expect(fetchFrom("/", { resolve })).rejects.toMatchObject({ reason: "claim_not_allowed" });
      expect(asked).toHaveLength(1);
    });

    it("that lead nowhere are refused", async () => {
      answer = (_, response) => response.writeHead(302).end();
      await expect(fetchFrom("/")).rejects.toMatchObject({ reason: "claim_not_found" });
    });
  });

  describe("of a source that answers otherwise", () => {
    it.each([204, 206, 400, 401, 403, 404, 410])("with %d are refused", async (status) => {
      answer = (_, response) => response.writeHead(status).end();
      await expect(fetchFrom("/")).rejects.toMatchObject({
        reason: "claim_not_found",
        message: `the source answers ${status}`,
      });
    });

    it.each([408, 425, 429, 500, 502, 503])("with %d are tried again later", async (status) => {
      answer = (_, response) => response.writeHead(status).end();
      await expect(fetchFrom("/")).rejects.toMatchObject({ name: "Unavailable" });
    });

    it("with another encoding are refused", async () => {
      answer = (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(image);
      await expect(fetchFrom("/")).rejects.toMatchObject({ reason: "claim_not_found" });
    });

    it("with half of what it promised are tried again later", async () => {
      answer = (_, response) => {
        response.writeHead(200, { "content-length": 100 }).write(image);
        setTimeout(() => response.destroy(), 20);
      };
      await expect(fetchFrom("/")).rejects.toMatchObject({ name: "Unavailable" });
    });
  });

  describe("that are too large", () => {
    it("by their own word are not read", async () => {
      const ended = new Promise((resolve) => {
        answer = (_, response) => {
          response.writeHead(200, { "content-length": 50_000_000 }).flushHeaders();
          response.on("close", resolve);
        };
      });
      await expect(fetchFrom("/", { maxBytes: 1_000 })).rejects.toMatchObject({ reason: "claim_too_large" });
      await ended; // The connection is not left to the server.
    });

    it("without a word are not read to their end, however long they go on", async () => {
      let sent = 0;
      answer = (_, response) => {
        const more = () => {
          while (response.write(Buffer.alloc(100_000))) sent += 100_000;
        };
        response.writeHead(200).on("drain", more);
        more();
      };
      await expect(fetchFrom("/", { maxBytes: 1_000_000 })).rejects.toMatchObject({
        reason: "claim_too_large",
      });
      expect(sent).toBeLessThan(30_000_000);
    });

    it("by one byte are too large, and of just so many bytes are not", async () => {
      expect(await fetchFrom("/", { maxBytes: image.length })).toEqual(image);
      await expect(fetchFrom("/", { maxBytes: image.length - 1 })).rejects.toMatchObject({
        reason: "claim_too_large",
      });
    });
  });

  describe("of a slow source are given up for now", () => {
    it("when bytes trickle", async () => {
      answer = (_, response) => {
        response.writeHead(200);
        const timer = setInterval(() => response.write("."), 20);
        response.on("close", () => clearInterval(timer));
      };
      const startedMs = performance.now();
      await expect(fetchFrom("/", { totalMs: 300 })).rejects.toMatchObject({
        name: "Unavailable",
        message: `images.example:${port} cannot be fetched from: no whole answer within 300 ms`,
      });
      expect(performance.now() - startedMs).toBeLessThan(3_000);
    });

    it("when nothing is answered", async () => {
      answer = () => undefined;
      await expect(fetchFrom("/", { totalMs: 200 })).rejects.toThrow(/no whole answer within 200 ms/);
    });

    it("when the name is not found in time", async () => {
      const fetching = fetchFrom("/", { connectMs: 100, resolve: () => new Promise(() => undefined) });
      await expect(fetching).rejects.toThrow(/cannot be connected to within 100 ms/);
    });

    it("when the name is not found at all", async () => {
      for (const resolve of [async () => [], async () => Promise.reject(new TypeError("ENOTFOUND"))]) {
        await expect(fetchFrom("/", { resolve })).rejects.toMatchObject({ name: "Unavailable" });
      }
    });

    it("when nobody listens", async () => {
      await expect(fetchFrom("/", { host: "images.example:1" })).rejects.toThrow(/ECONNREFUSED/);
    });
  });

  it("of a server that cannot prove its name are given up for now, and nothing is asked", async () => {
    const untrusted = selfSigned(["images.example"]).cert;
    await expect(fetchFrom("/", { ca: untrusted })).rejects.toMatchObject({ name: "Unavailable" });
    await expect(fetchFrom("/", { host: `other.example:${port}` })).rejects.toThrow(/does not match/);
    expect(asked).toEqual([]);
  });
});
