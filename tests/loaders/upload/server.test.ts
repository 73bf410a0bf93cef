import { type AddressInfo, createConnection } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { FastifyInstance } from "fastify";
import { silentLog } from "../../../core/log.ts";
import { readWhole } from "../../../lake/lake.ts";
import { bodyBuffers } from "../../../loaders/upload/buffers.ts";
import { uploadServer } from "../../../loaders/upload/server.ts";
import { standardRecipe } from "../../../processor/recipe.ts";
import { work } from "../../../processor/worker.ts";
import { picture } from "../../pictures.ts";
import { keysBelow, type TestPlatform, testPlatform } from "../../platform.ts";

interface Setup {
  readonly app: FastifyInstance;
  readonly platform: TestPlatform;
  readonly key: string;
  readonly otherKey: string;
}

const opened: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

async function setup({ hasRoom = true, bufferBytes = 1_000_000 } = {}): Promise<Setup> {
  const platform = await testPlatform();
  const app = await uploadServer({
    ...platform.intake,
    recipe: standardRecipe,
    buffers: bodyBuffers(bufferBytes),
    hasRoom: async () => hasRoom,
    log: silentLog,
    version: "1.2.3",
    checkReady: async () => {},
  });
  opened.push(app);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const [key, otherKey] = [await platform.customers.issueKey("c1"), await platform.customers.issueKey("c2")];
  return { app, platform, key, otherKey };
}

interface Call {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly payload?: Buffer;
}

/** A real request over the loopback. */
async function call(app: FastifyInstance, { url, method = "GET", headers = {}, payload }: Call) {
  const { port } = app.server.address() as AddressInfo;
  const init = payload === undefined ? {} : { body: new Uint8Array(payload) };
  const response = await fetch(`http://127.0.0.1:${port}${url}`, { method, headers, ...init });
  const rawPayload = Buffer.from(await response.arrayBuffer());
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    rawPayload,
    body: rawPayload.toString(),
    json: () => JSON.parse(rawPayload.toString()),
  };
}

const send = ({ app, key }: Setup, payload: Buffer, headers: Record<string, string> = {}) =>
  call(app, {
    method: "POST",
    url: "/v1/images",
    headers: { authorization: `Bearer ${key}`, "content-type": "image/png", ...headers },
    payload,
  });

function form(files: readonly { name: string | Buffer; bytes: Buffer }[]): {
  headers: Record<string, string>;
  payload: Buffer;
} {
  const parts = files.flatMap(({ name, bytes }) => [
    Buffer.from('--line\r\nContent-Disposition: form-data; name="file"; filename="'),
    Buffer.from(name),
    Buffer.from('"\r\nContent-Type: image/png\r\n\r\n'),
    bytes,
    Buffer.from("\r\n"),
  ]);
  return {
    headers: { "content-type": "multipart/form-data; boundary=line" },
    payload: Buffer.concat([...parts, Buffer.from("--line--\r\n")]),
  };
}

describe("upload door", () => {
  it("answers 201 when the original is in the lake, with its record", async () => {
    const context = await setup();
    const bytes = await picture(1);
    const response = await send(context, bytes, { "x-file-name": encodeURIComponent("Grüße.png") });
    expect(response.statusCode).toBe(201);
    const image = response.json();
    expect(image).toMatchObject({
      customer_id: "c1",
      status: "received",
      format: "png",
      size_bytes: bytes.length,
      file_name: "Grüße.png",
    });
    expect(response.headers.location).toBe(image.url);
    const [key] = await keysBelow(context.platform.lake, "originals/");
    expect(key?.endsWith(image.image_id)).toBe(true);
    expect((await readWhole(context.platform.lake, String(key)))?.bytes.equals(bytes)).toBe(true);
  });

  it("answers a repeat with 200 and the same body, and receives once", async () => {
    const context = await setup();
    const first = await send(context, await picture(1), { "idempotency-key": "k-1" });
    const again = await send(context, await picture(1), { "idempotency-key": "k-1" });
    expect([first.statusCode, again.statusCode]).toEqual([201, 200]);
    expect(again.json()).toEqual(first.json());
    expect(await keysBelow(context.platform.lake, "originals/")).toHaveLength(1);
  });

  it("receives one of many simultaneous repeats", async () => {
    const context = await setup();
    const bytes = await picture(1);
    const codes = await Promise.all(
      Array.from(
        { length: 8 },
        async () => (await send(context, bytes, { "idempotency-key": "k" })).statusCode,
      ),
    );
    expect(codes.sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
  });

  it("refuses other bytes under the same key, keeps both, and the first stays", async () => {
    const context = await setup();
    const first = await send(context, await picture(1), { "idempotency-key": "k-1" });
    const other = await send(context, await picture(2), { "idempotency-key": "k-1" });
    expect(other.statusCode).toBe(422);
    expect(other.json()).toMatchObject({
      type: "/problems/different_bytes",
      expected: expect.stringContaining("new Idempotency-Key"),
    });
    const [kept] = await keysBelow(context.platform.lake, "rejected/");
    expect((await readWhole(context.platform.lake, String(kept)))?.bytes.equals(await picture(2))).toBe(true);
    const again = await send(context, await picture(1), { "idempotency-key": "k-1" });
    expect([again.statusCode, again.json()]).toEqual([200, first.json()]);
  });

  it("takes two customers' equal keys apart", async () => {
    const context = await setup();
    const ids = new Set<string>();
    for (const key of [context.key, context.otherKey]) {
      ids.add(
        (await send({ ...context, key }, await picture(1), { "idempotency-key": "same" })).json().image_id,
      );
    }
    expect(ids.size).toBe(2);
  });

  it("takes a form with one file", async () => {
    const context = await setup();
    const { headers, payload } = form([{ name: "Grüße.png", bytes: await picture(1) }]);
    const response = await send(context, payload, headers);
    expect([response.statusCode, response.json().file_name]).toEqual([201, "Grüße.png"]);
  });

  it("tells what became of an image, and hands out its renditions", async () => {
    const context = await setup();
    const { url } = (await send(context, await picture(1))).json();
    const get = (path: string, key = context.key) =>
      call(context.app, { url: path, headers: { "x-api-key": key } });
    expect((await get(url)).json()).toMatchObject({ status: "received", processed_at: null, renditions: [] });
    await work(context.platform.worker(), { signal: AbortSignal.timeout(5000), untilIdle: true });
    const image = (await get(url)).json();
    expect(image).toMatchObject({ status: "processed", width_px: 64, height_px: 48 });
    expect(image.renditions.map(({ name }: { name: string }) => name)).toEqual(["large", "medium", "small"]);
    const rendition = await get(image.renditions[2].url);
    expect([rendition.statusCode, rendition.headers["content-type"]]).toEqual([200, "image/webp"]);
    expect(rendition.rawPayload).toHaveLength(image.renditions[2].size_bytes);
    for (const path of [url, image.renditions[2].url]) {
      expect((await get(path, context.otherKey)).statusCode).toBe(404);
    }
    expect((await get(`${url}/renditions/none`)).statusCode).toBe(404);
  });

  it.each([
    ["an empty body", async () => Buffer.alloc(0), {}, 400, "empty"],
    [
      "text named .jpg",
      async () => Buffer.from("hello"),
      { "x-file-name": "a.jpg" },
      415,
      "type_not_allowed",
    ],
    ["SVG", async () => Buffer.from('<?xml version="1.0"?><svg/>'), {}, 415, "type_not_allowed"],
    ["too many bytes", async () => Buffer.alloc(200_000, 1), {}, 413, "too_large"],
  ])(
    "refuses %s with a problem that says what would be right, and keeps it",
    async (_what, bytes, headers, status, reason) => {
      const context = await setup();
      const response = await send(context, await bytes(), headers);
      expect(response.statusCode).toBe(status);
      expect(response.headers["content-type"]).toBe("application/problem+json");
      expect(response.json()).toMatchObject({
        type: `/problems/${reason}`,
        status,
        title: expect.stringMatching(/./),
        detail: expect.stringMatching(/./),
        expected: expect.stringMatching(/./),
      });
      expect(await keysBelow(context.platform.lake, "originals/")).toEqual([]);
      const [kept] = await keysBelow(context.platform.lake, "rejected/");
      expect((await context.platform.lake.stat(String(kept)))?.metadata).toMatchObject({
        reason,
        stage: "door",
        customer_id: "c1",
      });
    },
  );

  it("refuses a file name that is not UTF-8, raw or in a form", async () => {
    const context = await setup();
    const raw = await send(context, await picture(1), { "x-file-name": "%ff%fe.png" });
    const { headers, payload } = form([
      { name: Buffer.from([0x61, 0xff, 0x2e, 0x70]), bytes: await picture(1) },
    ]);
    const inForm = await send(context, payload, headers);
    for (const response of [raw, inForm]) {
      expect([response.statusCode, response.json().type]).toEqual([400, "/problems/bad_file_name"]);
    }
    expect(await keysBelow(context.platform.lake, "originals/")).toEqual([]);
    expect(await keysBelow(context.platform.lake, "rejected/")).toHaveLength(2);
  });

  it.each([
    ["no file", []],
    ["two files", [1, 2]],
  ])("refuses a form with %s", async (_what, numbers) => {
    const context = await setup();
    const files = await Promise.all(
      numbers.map(async (n) => ({ name: `${n}.png`, bytes: await picture(n) })),
    );
    const { headers, payload } = form(files);
    const response = await send(context, payload, headers);
    expect([response.statusCode, response.json().type]).toEqual([400, "/problems/bad_request"]);
    expect(await keysBelow(context.platform.lake, "originals/")).toEqual([]);
  });

  it.each([
    ["missing", {}],
    ["unknown", { authorization: "Bearer dk_unknown" }],
    ["malformed", { authorization: "Basic abc" }],
  ])("turns a %s API key away before the body is read", async (_what, headers) => {
    const { app, platform } = await setup();
    const response = await call(app, {
      method: "POST",
      url: "/v1/images",
      headers,
      payload: await picture(1),
    });
    expect([response.statusCode, response.json().type]).toEqual([401, "/problems/unauthenticated"]);
    expect(response.headers["www-authenticate"]).toContain("Bearer");
    expect(await keysBelow(platform.lake, "")).toEqual([]);
  });

  it.each([
    ["no boundary", { "content-type": "multipart/form-data" }, "--line\r\n"],
    [
      "no end",
      { "content-type": "multipart/form-data; boundary=line" },
      '--line\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\nhalf',
    ],
    ["garbage", { "content-type": "multipart/form-data; boundary=line" }, "garbage"],
  ])("answers a form with %s with 400", async (_what, headers, payload) => {
    const response = await send(await setup(), Buffer.from(payload), headers as Record<string, string>);
    expect([response.statusCode, response.json().type]).toEqual([400, "/problems/bad_request"]);
  });

  it("refuses a file name in raw bytes, whose encoding nobody knows", async () => {
    const response = await send(await setup(), await picture(1), { "x-file-name": "caf\u00e9.png" });
    expect([response.statusCode, response.json().type]).toEqual([400, "/problems/bad_file_name"]);
  });

  it("lets a sender that stalls hold up nobody else", async () => {
    const context = await setup({ bufferBytes: 20_000 });
    const { port } = context.app.server.address() as AddressInfo;
    const socket = createConnection(port, "127.0.0.1");
    socket.write(
      `POST /v1/images HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${context.key}\r\nContent-Length: 90000\r\n\r\n${"x".repeat(9000)}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const other = await send({ ...context, key: context.otherKey }, await picture(1));
    const same = await send(context, Buffer.concat([await picture(1), Buffer.alloc(2000)]));
    socket.destroy();
    expect([other.statusCode, same.statusCode, same.headers["retry-after"]]).toEqual([201, 503, "5"]);
  });

  it("turns an inactive customer away", async () => {
    const context = await setup();
    const response = await send(
      { ...context, key: await context.platform.customers.issueKey("c3") },
      await picture(1),
    );
    expect([response.statusCode, response.json().type]).toEqual([403, "/problems/inactive_customer"]);
  });

  it("refuses an Idempotency-Key that is no key", async () => {
    const response = await send(await setup(), await picture(1), { "idempotency-key": "x".repeat(256) });
    expect([response.statusCode, response.json().type]).toEqual([400, "/problems/bad_request"]);
  });

  it("asks to come again later when too much waits", async () => {
    const context = await setup({ hasRoom: false });
    const response = await send(context, await picture(1));
    expect([response.statusCode, response.headers["retry-after"]]).toEqual([503, "5"]);
    expect(await keysBelow(context.platform.lake, "")).toEqual([]);
  });

  it.each(["/v1/images/x", `/v1/images/u${"0".repeat(32)}`, "/v1/images/..%2f..%2fetc", "/nothing"])(
    "answers 404 with a problem for %s",
    async (url) => {
      const { app, key } = await setup();
      const response = await call(app, { url, headers: { authorization: `Bearer ${key}` } });
      expect([response.statusCode, response.json().type]).toEqual([404, "/problems/not_found"]);
    },
  );

  it("describes itself in OpenAPI 3.1, and answers probes", async () => {
    const { app } = await setup();
    const openapi = (await call(app, { url: "/openapi.json" })).json();
    expect(openapi).toMatchObject({ openapi: "3.1.0", info: { version: "1.2.3" } });
    expect(Object.keys(openapi.paths)).toEqual([
      "/v1/images",
      "/v1/images/{image_id}",
      "/v1/images/{image_id}/renditions/{rendition}",
      "/v1/uploads",
      "/v1/uploads/{image_id}",
    ]);
    expect(Object.keys(openapi.paths["/v1/images"].post.responses)).toEqual(
      expect.arrayContaining(["200", "201", "4XX", "503"]),
    );
    expect((await call(app, { url: "/healthz" })).json()).toEqual({ status: "ok" });
    expect((await call(app, { url: "/readyz" })).json()).toEqual({ status: "ready" });
    expect((await call(app, { url: "/metrics" })).body).toContain("darkroom_images_received_total");
  });
});
