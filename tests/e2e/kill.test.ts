import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { seededRandom } from "../../cli/demo/random.ts";
import { journalStream } from "../../loaders/stream/journal.ts";
import { picture } from "../pictures.ts";
import { gone, type Home, newHome } from "./darkroom.ts";

const images = 300;
const kills = 10;
/** Another seed kills at other moments: KILL_SEED=7 npm run jest -- tests/e2e/kill */
const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends until it is told yes, as a customer's client would: the same key again after every failure. */
async function uploadUntilAccepted(home: Home, apiKey: string, name: string, bytes: Buffer): Promise<void> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${home.port}/v1/images`, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "idempotency-key": name, "x-file-name": name },
      body: new Uint8Array(bytes),
    }).catch(() => undefined);
    const body = await response?.text().catch(() => undefined);
    if (response?.ok && body !== undefined) return;
    await pause(20);
  }
}

async function sendAll(home: Home, apiKey: string, acknowledged: Set<string>): Promise<void> {
  const stream = journalStream({ root: join(home.folder, "stream"), topic: "images", group: "darkroom" });
  for (let number = 0; number < images; number++) {
    const name = `${number}.png`;
    const bytes = await picture(number);
    if (number % 2 === 0) {
      await uploadUntilAccepted(home, apiKey, name, bytes);
    } else {
      await stream.produce([{ value: bytes, headers: { "customer-id": "c1", "file-name": name } }]);
    }
    acknowledged.add(name);
    await pause(25);
  }
  await stream.close();
}

describe("kill -9", () => {
  it(`of darkroom up at ${kills} random moments loses nothing and doubles nothing (seed ${seed})`, async () => {
    const home = await newHome({ DARKROOM_SEGMENT_AGE_MS: "200", DARKROOM_REFRESH_INTERVAL_MS: "300" });
    const key = await home.run("customers", "key", "c1", "--json");
    const acknowledged = new Set<string>();
    const random = seededRandom(seed);

    let running: ChildProcess = await home.up();
    const sending = sendAll(home, String(key.json?.api_key), acknowledged);
    for (let kill = 0; kill < kills; kill++) {
      await pause(random.whole(0, 900));
      running.kill("SIGKILL");
      await gone(running);
      running = await home.up();
    }
    await sending;
    running.kill("SIGTERM");
    expect(await gone(running)).toBe(0);

    // What the stream still held is taken in by one more `up`; then everything is worked on, loaded and modelled.
    running = await home.up();
    while (!(await metrics(home)).includes("darkroom_stream_lag_messages 0")) await pause(100);
    running.kill("SIGTERM");
    await gone(running);
    const refreshed = await home.run("refresh", "--json");
    expect(refreshed).toMatchObject({
      code: 0,
      json: { received: images, processed: images, rejected: 0, failed: 0, pending: 0, assertions_failed: 0 },
    });

    const { json } = await home.run(
      "query",
      "--json",
      "select file_name, status from marts.fct_images join staging.stg_darkroom__images_received using (image_id)",
    );
    const rows = json?.rows as readonly { file_name: string; status: string }[];
    expect(rows).toHaveLength(images);
    expect(new Set(rows.map(({ file_name }) => file_name))).toEqual(acknowledged);
    expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(["processed"]));
    expect(await home.run("reconcile", "--check", "--json")).toMatchObject({ code: 0 });
  }, 240_000);
});

async function metrics(home: Home): Promise<string> {
  return (await fetch(`http://127.0.0.1:${home.port}/metrics`)).text();
}
