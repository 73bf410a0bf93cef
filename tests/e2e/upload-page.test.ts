/** The upload page in a real browser against the real server and worker, with everything else in memory. */

import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { FastifyInstance } from "fastify";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { createMetrics } from "../../core/metrics.ts";
import { isArrivalKey } from "../../lake/layout.ts";
import { memoryLake } from "../../lake/memory.ts";
import { memoryArrivals } from "../../lake/memory-arrivals.ts";
import { segmentWriter } from "../../lake/segments.ts";
import { customerSchema, lakeCustomers } from "../../loaders/customers/customers.ts";
import { bodyBuffers } from "../../loaders/upload/buffers.ts";
import { uploadServer } from "../../loaders/upload/server.ts";
import { standardRecipe } from "../../processor/recipe.ts";
import { sharpProcessor } from "../../processor/sharp.ts";
import { work } from "../../processor/worker.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const hasBrowser = existsSync(executablePath);
const isCi = process.env.CI === "true";

/** A machine without background services of its own: the browser asks for nothing but the page. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What the browser itself says of answers that are part of the tests: the key's check, a wrong key, a refused file. */
const expectedAnswers = /Failed to load resource: the server responded with a status of (401|404|415)/;

/** In the page; text, because the page's types are not the test's. */
const thumbnailWidth =
  "((image) => image.decode().then(() => image.naturalWidth))(document.querySelector('.upload img'))";

interface Running {
  readonly url: string;
  readonly apiKey: string;
  readonly stop: () => Promise<void>;
}

async function start(): Promise<Running> {
  const arrivals = memoryArrivals();
  const announce = async (key: string) => {
    if (isArrivalKey(key)) await arrivals.announce(key);
  };
  const lake = memoryLake({ announce });
  const events = memoryLake();
  const customers = lakeCustomers({ lake: events });
  await customers.upsert([customerSchema.parse({ customer_id: "aurora", name: "Aurora Prints" })]);
  const shared = {
    lake,
    clock: systemClock,
    log: silentLog,
    metrics: createMetrics(),
    recipe: standardRecipe,
  };
  const stopWorker = new AbortController();
  const worker = work(
    {
      ...shared,
      arrivals,
      processor: sharpProcessor({ maxPixels: 1e8, timeoutMs: 30_000 }),
      segments: segmentWriter({ lake: events, limits: { rows: 100, bytes: 1e6, ageMs: 20 } }),
      concurrency: 2,
      maxAttempts: 2,
    },
    { signal: stopWorker.signal },
  );
  const app: FastifyInstance = await uploadServer({
    ...shared,
    customers,
    maxImageBytes: 5_000_000,
    buffers: bodyBuffers(50_000_000),
    hasRoom: async () => true,
    version: "0.0.0",
    checkReady: async () => undefined,
  });
  const running: Running = {
    url: await app.listen({ host: "127.0.0.1", port: 0 }),
    apiKey: await customers.issueKey("aurora"),
    async stop() {
      await app.close();
      stopWorker.abort();
      await worker;
    },
  };
  return running;
}

function png(width: number, height: number): Promise<Buffer> {
  const background = { r: 190, g: 120, b: 60 };
  return sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
}

function useKey(page: Page, key: string): Promise<void> {
  return page
    .getByLabel(/Paste the key/)
    .fill(key)
    .then(() => page.getByRole("button", { name: "Use key" }).click());
}

/** Drops files on the zone as a browser would: by a data transfer that is made in the page. */
async function drop(page: Page, name: string, type: string, bytes: Buffer): Promise<void> {
  const given = { name, type, base64: bytes.toString("base64") };
  const transfer = await page.evaluateHandle(`(() => {
    const { name, type, base64 } = ${JSON.stringify(given)};
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))], name, { type }));
    return transfer;
  })()`);
  await page.dispatchEvent("#zone", "drop", { dataTransfer: transfer });
}

if (!hasBrowser) {
  it("needs a browser", () => {
    console.log("skipped: browser tests (apt-get install chromium, or set CHROMIUM)");
    expect(isCi).toBe(false);
  });
}

(hasBrowser ? describe : describe.skip)("the upload page", () => {
  let running: Running;
  let browser: BrowserContext;
  const faults: string[] = [];

  beforeAll(async () => {
    running = await start();
    browser = await chromium.launchPersistentContext(await temporaryFolder(), {
      executablePath,
      args: flags,
      headless: true,
      locale: "en-GB",
    });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await running?.stop();
  }, 30_000);

  async function open(): Promise<Page> {
    const page = await browser.newPage();
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !expectedAnswers.test(message.text())) faults.push(message.text());
    });
    await page.goto(running.url);
    return page;
  }

  async function openWithKey(): Promise<Page> {
    const page = await open();
    await useKey(page, running.apiKey);
    await page.getByText("is in use").waitFor();
    return page;
  }

  const row = (page: Page, name: string) => page.locator(".upload", { hasText: name });

  it("says that a key is not known, and keeps no wrong key", async () => {
    const page = await open();
    await useKey(page, "dk_wrong");
    await page.getByText("This API key is not known here.").waitFor();
    await page.reload();
    expect(await page.getByLabel(/Paste the key/).isVisible()).toBe(true);
    await page.close();
  });

  it("shows a picture processed, with its thumbnail, and a text named .jpg refused with the reason", async () => {
    const page = await openWithKey();
    await page.getByLabel("Choose pictures").setInputFiles([
      { name: "sunset.png", mimeType: "image/png", buffer: await png(640, 480) },
      { name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from("a shopping list") },
    ]);
    await page.getByText("1 of 2 processed, 1 refused").waitFor();
    await row(page, "sunset.png").getByText("Processed, 640 × 480 px").waitFor();
    const picture = row(page, "sunset.png").locator("img");
    await picture.waitFor();
    expect(await page.evaluate(thumbnailWidth)).toBe(320);
    await row(page, "notes.jpg").getByText("Refused: the content is").waitFor();
    await row(page, "notes.jpg").getByText("JPEG, PNG, WebP, GIF, AVIF, TIFF").waitFor();
    await page.close();
  });

  it("takes dropped files before there is a key, shows names as text, and sends them once the key is there", async () => {
    const page = await open();
    await drop(page, "<img src=x onerror=alert(1)>.png", "image/png", await png(40, 30));
    await page.getByText("Waiting for an API key").waitFor();
    expect(await page.locator("#uploads img").count()).toBe(0);
    await useKey(page, running.apiKey);
    await row(page, "<img src=x onerror=alert(1)>.png").getByText("Processed, 40 × 30 px").waitFor();
    await page.close();
  });

  it("sends again by itself when the server has no room, under the same Idempotency-Key", async () => {
    const page = await openWithKey();
    const keys: (string | null)[] = [];
    await page.route("**/v1/images", async (route) => {
      keys.push((await route.request().allHeaders())["idempotency-key"] ?? null);
      const isFirst = keys.length === 1;
      await (isFirst
        ? route.fulfill({ status: 503, headers: { "retry-after": "1" }, json: {} })
        : route.continue());
    });
    await page
      .getByLabel("Choose pictures")
      .setInputFiles([{ name: "late.png", mimeType: "image/png", buffer: await png(20, 20) }]);
    await row(page, "late.png").getByText("The server cannot take more just now. Trying again in").waitFor();
    await row(page, "late.png").getByText("Processed, 20 × 20 px").waitFor();
    expect(keys).toHaveLength(2);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
    faults.splice(0, faults.length, ...faults.filter((fault) => !fault.includes("503")));
    await page.close();
  });

  it("sends at most four at a time", async () => {
    const page = await openWithKey();
    let [now, most] = [0, 0];
    await page.route("**/v1/images", async (route) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 100));
      now -= 1;
      await route.continue();
    });
    const buffer = await png(10, 10);
    const names = Array.from({ length: 12 }, (_, index) => `many-${index}.png`);
    await page
      .getByLabel("Choose pictures")
      .setInputFiles(names.map((name) => ({ name, mimeType: "image/png", buffer })));
    await page.getByText("12 of 12 processed").waitFor();
    expect(most).toBe(4);
    await page.close();
  });

  it("gives up after some tries and sends again when asked, under the same Idempotency-Key", async () => {
    const page = await openWithKey();
    const keys = new Set<string | undefined>();
    let isDown = true;
    await page.route("**/v1/images", async (route) => {
      keys.add((await route.request().allHeaders())["idempotency-key"]);
      await (isDown ? route.abort() : route.continue());
    });
    await page.clock.install();
    await page
      .getByLabel("Choose pictures")
      .setInputFiles([{ name: "lost.png", mimeType: "image/png", buffer: await png(20, 20) }]);
    const again = row(page, "lost.png").getByRole("button", { name: "Try again" });
    while (!(await again.isVisible())) await page.clock.runFor(1000);
    await page.clock.runFor(1000);
    await page.getByText("0 of 1 processed, 1 not sent").waitFor();
    isDown = false;
    await again.click();
    while (!(await page.getByText("1 of 1 processed").isVisible())) await page.clock.runFor(200);
    expect(keys.size).toBe(1);
    faults.splice(0, faults.length, ...faults.filter((fault) => !fault.includes("ERR_FAILED")));
    await page.close();
  });

  it("forgets the key and the list", async () => {
    const page = await openWithKey();
    await page.getByRole("button", { name: "Forget key" }).click();
    expect(await page.getByLabel(/Paste the key/).isVisible()).toBe(true);
    expect(await page.evaluate("sessionStorage.length")).toBe(0);
    await page.close();
  });

  it("caused no errors and no violations of its policy", () => {
    expect(faults).toEqual([]);
  });
});
