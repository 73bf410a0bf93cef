import { describe, expect, it } from "@jest/globals";
import { Misconfigured, Unavailable } from "../../core/errors.ts";
import { sha256, uploadImageId } from "../../core/ids.ts";
import { type Lake, readWhole } from "../../lake/lake.ts";
import { incomingKey, originalKey, outcomeKey, rejectedKey, renditionKey } from "../../lake/layout.ts";
import { takeIn } from "../../loaders/intake.ts";
import type { Processor } from "../../processor/processor.ts";
import { standardRecipe } from "../../processor/recipe.ts";
import { type WorkerEnvironment, work } from "../../processor/worker.ts";
import { picture } from "../pictures.ts";
import { keysBelow, type TestPlatform, testPlatform } from "../platform.ts";

const forever = () => new AbortController().signal;
const untilIdle = (env: WorkerEnvironment) =>
  work(env, { signal: AbortSignal.timeout(10_000), untilIdle: true });

async function upload(platform: TestPlatform, key: string, bytes: Buffer): Promise<string> {
  const imageId = uploadImageId("c1", key);
  await takeIn(platform.intake, {
    imageId,
    source: "upload",
    sourceRef: key,
    customerId: "c1",
    declaredType: "image/png",
    fileName: `${key}.png`,
    bytes,
    contentSha256: sha256(bytes),
  });
  return imageId;
}

async function rowsOf(platform: TestPlatform, table: string): Promise<readonly Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (const key of await keysBelow(platform.events, `events/${table}/`)) {
    const text = (await readWhole(platform.events, key))?.bytes.toString() ?? "";
    rows.push(
      ...text
        .trimEnd()
        .split("\n")
        .map((line) => {
          const { _segment, ...row } = JSON.parse(line);
          expect(key).toContain(_segment);
          return row;
        }),
    );
  }
  return rows;
}

/** A processor that fails so many times and then does its work. */
function failing(times: number, real: Processor): Processor & { calls: number } {
  return {
    ...real,
    calls: 0,
    async process(original, recipe) {
      this.calls += 1;
      if (this.calls <= times) throw new Unavailable("out of breath");
      return real.process(original, recipe);
    },
  };
}

/** Works until an image is in the processor, and forgets all about it, as a process does that is killed. */
async function dieInProcessing(platform: TestPlatform): Promise<void> {
  const env = platform.worker();
  const death = new AbortController();
  const process = () => {
    death.abort();
    return new Promise<never>(() => undefined);
  };
  void work({ ...env, processor: { ...env.processor, process } }, { signal: death.signal });
  await new Promise((resolve) => death.signal.addEventListener("abort", resolve));
  platform.arrivals.forgetDeliveries();
}

describe("worker", () => {
  it("writes renditions and the outcome, records both, and acknowledges", async () => {
    const platform = await testPlatform();
    const imageId = await upload(platform, "one", await picture(1));
    expect(await untilIdle(platform.worker())).toMatchObject({ processed: 1, givenBack: 0 });
    const outcome = JSON.parse(
      String((await readWhole(platform.lake, outcomeKey(imageId, standardRecipe)))?.bytes),
    );
    expect(outcome).toMatchObject({
      image_id: imageId,
      customer_id: "c1",
      status: "processed",
      attempts: 1,
      reason: null,
    });
    for (const rendition of outcome.renditions) {
      expect((await platform.lake.stat(rendition.key))?.sizeBytes).toBe(rendition.size_bytes);
    }
    expect(await rowsOf(platform, "image_processed")).toEqual([outcome]);
    expect(await rowsOf(platform, "image_received")).toMatchObject([
      { image_id: imageId, format: "png", size_bytes: expect.any(Number) },
    ]);
    expect(await platform.arrivals.waiting()).toBe(0);
  });

  it("writes renditions before the outcome, records before the acknowledgement", async () => {
    const platform = await testPlatform();
    const imageId = await upload(platform, "one", await picture(1));
    const effects: string[] = [];
    const recorded = async <T>(what: string, effect: Promise<T>) => {
      const result = await effect;
      effects.push(what);
      return result;
    };
    const env = platform.worker();
    const lake: Lake = {
      ...env.lake,
      create: (key, ...rest) => recorded(`create ${key.split("/").at(-1)}`, env.lake.create(key, ...rest)),
    };
    const segments = {
      ...env.segments,
      append: ((table, rows) =>
        recorded(`append ${table}`, env.segments.append(table, rows))) as typeof env.segments.append,
    };
    const arrivals = {
      ...env.arrivals,
      async *receive(options: Parameters<typeof env.arrivals.receive>[0]) {
        for await (const arrival of env.arrivals.receive(options)) {
          yield { ...arrival, acknowledge: () => recorded("acknowledge", arrival.acknowledge()) };
        }
      },
    };
    await untilIdle({ ...env, lake, segments, arrivals });
    const orders = [
      ["create large.webp", "create outcome.json"],
      ["create medium.webp", "create outcome.json"],
      ["create small.webp", "create outcome.json"],
      ["create outcome.json", "append image_processed"],
      ["append image_received", "acknowledge"],
      ["append image_processed", "acknowledge"],
    ] as const;
    expect(effects).toHaveLength(7);
    for (const [before, after] of orders)
      expect(effects.indexOf(before)).toBeLessThan(effects.indexOf(after));
    expect(imageId).toMatch(/^u/);
  });

  it("describes renditions as they lie in the lake, also those that a killed worker left", async () => {
    const platform = await testPlatform();
    const imageId = await upload(platform, "one", await picture(1));
    await platform.lake.create(renditionKey(imageId, standardRecipe, "small.webp"), Buffer.from("others"));
    await untilIdle(platform.worker());
    const [row] = await rowsOf(platform, "image_processed");
    expect(row?.renditions).toContainEqual(expect.objectContaining({ name: "small", size_bytes: 6 }));
  });

  it("does not process again what has an outcome, but records it again", async () => {
    const platform = await testPlatform();
    const imageId = await upload(platform, "one", await picture(1));
    await untilIdle(platform.worker());
    await platform.arrivals.announce(originalKey(imageId));
    const idle = failing(Number.POSITIVE_INFINITY, platform.worker().processor);
    expect(await untilIdle(platform.worker(idle))).toMatchObject({ processed: 1 });
    expect(idle.calls).toBe(0);
    const rows = await rowsOf(platform, "image_processed");
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual(rows[1]);
  });

  it("tries again what failed, and records only the outcome", async () => {
    const platform = await testPlatform();
    await upload(platform, "one", await picture(1));
    const flaky = failing(2, platform.worker().processor);
    expect(await untilIdle(platform.worker(flaky))).toMatchObject({ processed: 1, givenBack: 2 });
    expect(await rowsOf(platform, "image_processed")).toMatchObject([{ status: "processed", attempts: 3 }]);
  });

  it("gives up after the last attempt with an outcome that says why", async () => {
    const platform = await testPlatform();
    await upload(platform, "one", await picture(1));
    const broken = failing(Number.POSITIVE_INFINITY, platform.worker().processor);
    expect(await untilIdle(platform.worker(broken))).toMatchObject({ failed: 1, givenBack: 2 });
    expect(broken.calls).toBe(3);
    expect(await rowsOf(platform, "image_processed")).toMatchObject([
      { status: "failed", reason: "processor_failed", message: "out of breath", attempts: 3, renditions: [] },
    ]);
  });

  it("gives up an image that ends its worker each time", async () => {
    const platform = await testPlatform();
    await upload(platform, "one", await picture(1));
    for (let death = 1; death <= 3; death++) await dieInProcessing(platform);
    expect(await untilIdle(platform.worker())).toMatchObject({ failed: 1 });
    expect(await rowsOf(platform, "image_processed")).toMatchObject([{ reason: "attempts_exhausted" }]);
  });

  it("does not give up an image that only waited in workers that died", async () => {
    const platform = await testPlatform();
    await upload(platform, "one", await picture(1));
    for (let death = 1; death <= 9; death++) {
      for await (const _ of platform.arrivals.receive({ signal: forever() })) break;
      platform.arrivals.forgetDeliveries();
    }
    expect(await untilIdle(platform.worker())).toMatchObject({ processed: 1, failed: 0 });
    expect(await rowsOf(platform, "image_processed")).toMatchObject([{ attempts: 2 }]);
  });

  it("keeps what it rejects under rejected/ and records outcome and rejection", async () => {
    const platform = await testPlatform();
    const truncated = (await picture(1, { width: 300, height: 300, format: "jpeg" })).subarray(0, 800);
    const imageId = await upload(platform, "one", truncated);
    expect(await untilIdle(platform.worker())).toMatchObject({ rejected: 1, refused: 1 });
    expect((await readWhole(platform.lake, rejectedKey(imageId)))?.bytes.equals(truncated)).toBe(true);
    expect(await rowsOf(platform, "image_processed")).toMatchObject([
      { status: "rejected", reason: "damaged" },
    ]);
    expect(await rowsOf(platform, "image_rejected")).toMatchObject([
      { event_id: imageId, stage: "processor", reason: "damaged" },
    ]);
  });

  it("records what doors refused", async () => {
    const platform = await testPlatform();
    await upload(platform, "one", Buffer.from("no picture"));
    expect(await untilIdle(platform.worker())).toMatchObject({ refused: 1, processed: 0 });
    expect(await rowsOf(platform, "image_rejected")).toMatchObject([
      { stage: "door", reason: "type_not_allowed", customer_id: "c1", file_name: "one.png", size_bytes: 10 },
    ]);
  });

  it("gives back what could not be stored, and goes on with the others", async () => {
    const platform = await testPlatform();
    const ids = [
      await upload(platform, "one", await picture(1)),
      await upload(platform, "two", await picture(2)),
    ];
    const env = platform.worker();
    let failures = 2;
    const lake: Lake = {
      ...env.lake,
      create(key, ...rest) {
        if (key.includes(String(ids[0])) && failures-- > 0)
          return Promise.reject(new Unavailable("disk full"));
        return env.lake.create(key, ...rest);
      },
    };
    const summary = await untilIdle({ ...env, lake, outageMs: 0 });
    expect(summary).toMatchObject({ processed: 2 });
    expect(summary.givenBack).toBeGreaterThan(0);
    const recorded = (await rowsOf(platform, "image_processed")).map((row) => row.image_id);
    expect(recorded.sort()).toEqual([...ids].sort());
  });

  it("waits for a lake that is away for a while, and does not count that as attempts", async () => {
    const platform = await testPlatform();
    await upload(platform, "one", await picture(1));
    const env = platform.worker();
    let failures = 4;
    const lake: Lake = {
      ...env.lake,
      read: (...args) =>
        failures-- > 0 ? Promise.reject(new Unavailable("no answer")) : env.lake.read(...args),
    };
    expect(await untilIdle({ ...env, lake })).toMatchObject({ processed: 1, givenBack: 0 });
    expect(await rowsOf(platform, "image_processed")).toMatchObject([{ attempts: 1 }]);
  });

  it("waits for a permission that is missing, and reads an original again only in a slot", async () => {
    const platform = await testPlatform();
    for (const key of ["one", "two", "three"]) await upload(platform, key, await picture(1));
    const env = platform.worker();
    let [failures, reading, most] = [3, 0, 0];
    const lake: Lake = {
      ...env.lake,
      async read(...args) {
        most = Math.max(most, ++reading);
        await new Promise((resolve) => setTimeout(resolve, 5));
        reading -= 1;
        return env.lake.read(...args);
      },
      create: (key, ...rest) =>
        key.endsWith("outcome.json") && failures-- > 0
          ? Promise.reject(new Misconfigured(["may not write"]))
          : env.lake.create(key, ...rest),
    };
    expect(await untilIdle({ ...env, lake, concurrency: 1 })).toMatchObject({ processed: 3, givenBack: 0 });
    expect(most).toBe(1);
    const attempts = (await rowsOf(platform, "image_processed")).map((row) => row.attempts);
    expect(attempts).toEqual([1, 1, 1]);
  });

  it("takes no direct upload when it does not know where they lie", async () => {
    const platform = await testPlatform();
    const env = { ...platform.worker(), outageMs: 0 };
    await platform.lake.create(incomingKey(uploadImageId("c1", "one")), await picture(1));
    const summary = await work(env, { signal: AbortSignal.timeout(300), untilIdle: true });
    expect(summary).toMatchObject({ takenIn: 0, leftAlone: 0 });
    expect(await platform.arrivals.waiting()).toBe(1);
  });

  it("leaves alone what did not come in through a door", async () => {
    const platform = await testPlatform();
    await platform.lake.create(originalKey(uploadImageId("c1", "foreign")), await picture(1), {
      note: "copied by hand",
    });
    await upload(platform, "one", await picture(2));
    expect(await untilIdle(platform.worker())).toMatchObject({ processed: 1, leftAlone: 1 });
    expect(await platform.arrivals.waiting()).toBe(0);
  });

  it("takes an outcome in the lake as final, also when more attempts are allowed now", async () => {
    const platform = await testPlatform();
    const imageId = await upload(platform, "one", await picture(1));
    const broken = failing(Number.POSITIVE_INFINITY, platform.worker().processor);
    await untilIdle(platform.worker(broken));
    await platform.arrivals.announce(originalKey(imageId));
    expect(await untilIdle({ ...platform.worker(), maxAttempts: 9 })).toMatchObject({
      failed: 1,
      givenBack: 0,
    });
  });

  it("never has more images in the processor than it may", async () => {
    const platform = await testPlatform();
    for (let n = 0; n < 12; n++) await upload(platform, `${n}`, await picture(n));
    let now = 0;
    let most = 0;
    const real = platform.worker().processor;
    const counting: Processor = {
      ...real,
      async process(...args) {
        most = Math.max(most, ++now);
        return real.process(...args).finally(() => now--);
      },
    };
    expect(await untilIdle({ ...platform.worker(counting), concurrency: 2 })).toMatchObject({
      processed: 12,
    });
    expect(most).toBe(2);
  });

  it("finishes what is in flight when it is stopped", async () => {
    const platform = await testPlatform();
    await upload(platform, "one", await picture(1));
    const stop = new AbortController();
    const real = platform.worker().processor;
    const stopping: Processor = {
      ...real,
      process(...args) {
        stop.abort();
        return real.process(...args);
      },
    };
    expect(await work(platform.worker(stopping), { signal: stop.signal })).toMatchObject({ processed: 1 });
    expect(await platform.arrivals.waiting()).toBe(0);
  });

  it("finishes what is in flight when nothing more can be received, and says why", async () => {
    const platform = await testPlatform();
    const imageId = await upload(platform, "one", await picture(1));
    const env = platform.worker();
    const stuck = () => new Promise<void>(() => undefined);
    async function* receive(options: Parameters<typeof env.arrivals.receive>[0]) {
      for await (const arrival of env.arrivals.receive(options)) {
        // Nor can it be acknowledged.
        yield { ...arrival, acknowledge: stuck };
        throw new Unavailable("nobody answers");
      }
    }
    await expect(untilIdle({ ...env, arrivals: { ...env.arrivals, receive } })).rejects.toThrow(
      "nobody answers",
    );
    expect(await readWhole(platform.lake, outcomeKey(imageId, standardRecipe))).toBeDefined();
    expect(await rowsOf(platform, "image_processed")).toHaveLength(1);
  });

  it("ends the hold on an original once its outcome is there, also when the outcome was there before", async () => {
    const platform = await testPlatform();
    const imageId = await upload(platform, "one", await picture(1));
    const released: [key: string, isProcessed: boolean][] = [];
    const env = platform.worker();
    const lake: Lake = {
      ...env.lake,
      async release(key) {
        const outcome = await platform.lake.stat(outcomeKey(imageId, standardRecipe));
        released.push([key, outcome !== undefined]);
      },
    };
    await untilIdle({ ...env, lake });
    await platform.arrivals.announce(originalKey(imageId));
    await untilIdle({ ...env, lake });
    expect(released).toEqual([
      [originalKey(imageId), true],
      [originalKey(imageId), true],
    ]);
  });

  it("records what the service gave up delivering, and tries it if it was never begun", async () => {
    const platform = await testPlatform();
    const imageId = await upload(platform, "one", await picture(1));
    const env = platform.worker();
    const arrivals: WorkerEnvironment["arrivals"] = {
      ...env.arrivals,
      async *receive(options) {
        for await (const arrival of env.arrivals.receive(options)) yield { ...arrival, isDeadLetter: true };
      },
    };
    expect(await untilIdle({ ...env, arrivals })).toMatchObject({ processed: 1 });
    expect(await rowsOf(platform, "image_rejected")).toMatchObject([
      { event_id: `${imageId}/dead-letter`, stage: "arrival", reason: "dead_letter", customer_id: "c1" },
    ]);
    expect(await rowsOf(platform, "image_processed")).toMatchObject([
      { image_id: imageId, status: "processed", attempts: 2 },
    ]);
    expect(await platform.arrivals.waiting()).toBe(0);
  });
});
