import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { FastifyInstance } from "fastify";
import { silentLog } from "../../../core/log.ts";
import { takeIncoming } from "../../../loaders/incoming.ts";
import { bodyBuffers } from "../../../loaders/upload/buffers.ts";
import { uploadServer } from "../../../loaders/upload/server.ts";
import { standardRecipe } from "../../../processor/recipe.ts";
import { type WorkerEnvironment, work } from "../../../processor/worker.ts";
import { type LinkedLake, linkedLake } from "../../memory-links.ts";
import { picture } from "../../pictures.ts";
import { keysBelow, type TestPlatform, testPlatform } from "../../platform.ts";

interface Setup {
  readonly platform: TestPlatform;
  readonly uploads: LinkedLake;
  readonly ask: (body: unknown, headers?: Record<string, string>) => Promise<Answer>;
  readonly get: (path: string, key?: string) => Promise<Answer>;
  readonly work: () => ReturnType<typeof work>;
  readonly otherKey: string;
}

interface Answer {
  readonly status: number;
  readonly location: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
  readonly json: any;
}

const opened: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

async function setup({ offered = true, linked = false } = {}): Promise<Setup> {
  const platform = await testPlatform();
  const uploads = linkedLake((key) => platform.arrivals.announce(key));
  const app = await uploadServer({
    ...platform.intake,
    uploads: offered ? uploads : undefined,
    links: linked ? uploads : undefined,
    recipe: standardRecipe,
    buffers: bodyBuffers(1_000_000),
    hasRoom: async () => true,
    log: silentLog,
    version: "1.2.3",
    checkReady: async () => {},
  });
  opened.push(app);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const [ownKey, otherKey] = [
    await platform.customers.issueKey("c1"),
    await platform.customers.issueKey("c2"),
  ];
  const call = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(base + path, { redirect: "manual", ...init });
    const text = await response.text();
    const { status, headers } = response;
    return {
      status,
      location: headers.get("location"),
      json: text.startsWith("{") ? JSON.parse(text) : text,
    };
  };
  const env: WorkerEnvironment = {
    ...platform.worker(),
    takeIncoming: (key) => takeIncoming({ ...platform.intake, uploads }, key).then(() => undefined),
  };
  return {
    platform,
    uploads,
    otherKey,
    ask: (body, headers = {}) =>
      call("/v1/uploads", {
        method: "POST",
        body: JSON.stringify(body),
        headers: { authorization: `Bearer ${ownKey}`, "content-type": "application/json", ...headers },
      }),
    get: (path, key = ownKey) => call(path, { headers: { authorization: `Bearer ${key}` } }),
    work: () => work(env, { signal: AbortSignal.timeout(10_000), untilIdle: true }),
  };
}

describe("direct uploads", () => {
  it("go past the server and are taken in when they have arrived", async () => {
    const { ask, get, uploads, work, platform } = await setup();
    const bytes = await picture(1);
    const asked = await ask(
      { size_bytes: bytes.length, content_type: "image/png", file_name: "Grüße.png" },
      { "idempotency-key": "one" },
    );
    expect(asked).toMatchObject({ status: 201, location: asked.json.url, json: { method: "PUT" } });
    expect((await get(asked.json.url)).status).toBe(404);
    await uploads.put(asked.json.upload_url, bytes);
    expect((await get(asked.json.url)).json).toMatchObject({ status: "waiting", url: null });

    expect(await work()).toMatchObject({ takenIn: 1, processed: 1, leftAlone: 0 });
    const upload = (await get(asked.json.url)).json;
    expect(upload).toMatchObject({ status: "received", image_id: asked.json.image_id });
    expect((await get(upload.url)).json).toMatchObject({
      status: "processed",
      size_bytes: bytes.length,
      file_name: "Grüße.png",
      format: "png",
    });
    expect(await keysBelow(uploads, "")).toEqual([]);
    expect(await keysBelow(platform.lake, "originals/")).toHaveLength(1);
  });

  it("are refused afterwards when they are no image, and their sender learns why", async () => {
    const { ask, get, uploads, work, platform, otherKey } = await setup();
    const asked = await ask({ size_bytes: 7 });
    await uploads.put(asked.json.upload_url, Buffer.from("no text"));
    expect(await work()).toMatchObject({ takenIn: 1, refused: 1 });
    expect((await get(asked.json.url)).json).toMatchObject({
      status: "refused",
      reason: "type_not_allowed",
      message: expect.any(String),
    });
    expect((await get(asked.json.url, otherKey)).status).toBe(404);
    expect(await keysBelow(platform.lake, "rejected/")).toHaveLength(1);
    expect(await keysBelow(platform.lake, "originals/")).toEqual([]);
  });

  it("give one image for one idempotency key, whoever sends again", async () => {
    const { ask, uploads, work } = await setup();
    const bytes = await picture(2);
    const ids: string[] = [];
    for (let n = 0; n < 2; n++) {
      const asked = await ask({ size_bytes: bytes.length }, { "idempotency-key": "same" });
      ids.push(asked.json.image_id);
      await uploads.put(asked.json.upload_url, bytes);
      await work();
    }
    expect(new Set(ids).size).toBe(1);
    expect(await keysBelow(uploads, "")).toEqual([]);
  });

  it.each([
    [{ size_bytes: 0 }, 400],
    [{ size_bytes: 1.5 }, 400],
    [{}, 400],
    [{ size_bytes: 100_001 }, 413],
    [{ size_bytes: 5, file_name: "x".repeat(20_000) }, 413],
  ])("refuse the request %j with %i", async (body, status) => {
    const { ask } = await setup();
    expect((await ask(body)).status).toBe(status);
  });

  it("want an API key, and say so where they are not offered", async () => {
    const { ask } = await setup();
    expect((await ask({ size_bytes: 5 }, { authorization: "Bearer nobody" })).status).toBe(401);
    const without = await setup({ offered: false });
    expect(await without.ask({ size_bytes: 5 })).toMatchObject({
      status: 404,
      json: { type: "/problems/no_direct_uploads", expected: expect.stringContaining("/v1/images") },
    });
  });

  it("leave alone what no upload of ours can have made", async () => {
    const { uploads, work } = await setup();
    await uploads.create("incoming/ab/stranger", Buffer.from("x"));
    expect(await work()).toMatchObject({ takenIn: 0, leftAlone: 1 });
    expect(await uploads.stat("incoming/ab/stranger")).toBeDefined();
  });
});

describe("links to renditions", () => {
  it("are answered in place of the bytes where the lake gives them", async () => {
    const { ask, get, uploads, work } = await setup({ linked: true });
    const bytes = await picture(3);
    const asked = await ask({ size_bytes: bytes.length });
    await uploads.put(asked.json.upload_url, bytes);
    await work();
    const { renditions } = (await get(`/v1/images/${asked.json.image_id}`)).json;
    const answer = await get(renditions[0].url);
    expect(answer.status).toBe(302);
    expect(answer.location).toMatch(/^https:\/\/lake\.test\/renditions\/.*\?for=900000$/);
  });
});
