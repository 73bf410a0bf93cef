import { describe, expect, it } from "@jest/globals";
import { type Refused, Unavailable } from "../../../core/errors.ts";
import { sha256 } from "../../../core/ids.ts";
import { silentLog } from "../../../core/log.ts";
import { readWhole } from "../../../lake/lake.ts";
import { recordOf } from "../../../lake/records.ts";
import { claimContentType } from "../../../loaders/stream/claim.ts";
import { consumeStream, takeMessage } from "../../../loaders/stream/door.ts";
import { claimReader } from "../../../loaders/stream/fetch-claim.ts";
import { memoryStream } from "../../../loaders/stream/memory.ts";
import type { StreamMessage } from "../../../loaders/stream/stream.ts";
import { picture } from "../../pictures.ts";
import { keysBelow, testPlatform } from "../../platform.ts";

const message = (value: Buffer, headers: Record<string, string | Buffer>): StreamMessage => ({
  topic: "images",
  partition: 2,
  offset: 41n,
  timestamp: new Date("2026-01-31T10:00:00Z"),
  key: null,
  headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  value,
});

describe("stream door", () => {
  it("accepts a message with a customer, once however often it is delivered", async () => {
    const { intake, lake } = await testPlatform();
    const one = message(await picture(1), {
      "customer-id": "c1",
      "file-name": "Grüße.png",
      "content-type": "image/png",
    });
    const receipt = await takeMessage(intake, one);
    expect(receipt).toMatchObject({
      status: "accepted",
      record: {
        source: "stream",
        source_ref: "images/2/41",
        file_name: "Grüße.png",
        declared_type: "image/png",
      },
    });
    expect(await takeMessage(intake, one)).toEqual({ ...receipt, isNew: false });
    expect(await keysBelow(lake, "originals/")).toHaveLength(1);
  });

  it.each([
    ["no_customer", {}],
    ["unknown_customer", { "customer-id": "nobody" }],
    ["bad_customer_id", { "customer-id": Buffer.from([0xff, 0xfe]) }],
    ["bad_file_name", { "customer-id": "c1", "file-name": Buffer.from([0x61, 0xff]) }],
  ])("keeps a broken message under rejected/ with %s", async (reason, headers) => {
    const { intake, lake } = await testPlatform();
    const bytes = await picture(1);
    expect(await takeMessage(intake, message(bytes, headers))).toMatchObject({
      status: "refused",
      refusal: { reason },
    });
    const [key] = await keysBelow(lake, "rejected/");
    const object = await lake.stat(String(key));
    expect(object && recordOf("image_rejected", object)).toMatchObject({
      reason,
      source_ref: "images/2/41",
      customer_id: reason === "bad_file_name" ? "c1" : reason === "unknown_customer" ? "nobody" : null,
      size_bytes: bytes.length,
    });
  });

  it("goes past broken messages, waits while there is no room, and ends when told to", async () => {
    const { intake, lake } = await testPlatform();
    const stream = memoryStream();
    await stream.produce([
      { value: Buffer.from("no picture"), headers: { "customer-id": "c1" } },
      { value: await picture(1), headers: { "customer-id": "c1" } },
      { value: await picture(2) },
      { value: await picture(3), headers: { "customer-id": "c2" } },
    ]);
    const stop = new AbortController();
    let isFull = true;
    const roomFor = async () => {
      while (isFull) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const consuming = consumeStream({ ...intake, stream, log: silentLog, roomFor }, stop.signal);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await keysBelow(lake, "")).toEqual([]);
    isFull = false;
    while ((await stream.lag()) > 0n) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    await consuming;
    expect(await keysBelow(lake, "originals/")).toHaveLength(2);
    expect(await keysBelow(lake, "rejected/")).toHaveLength(2);
  });

  describe("claims", () => {
    /** A bucket with one picture, that counts how often it is read. */
    async function withBucket(sources = ["gs://pictures"]) {
      const { intake, lake } = await testPlatform();
      const bucket = { picture: await picture(1), reads: 0 };
      const fetchClaim = claimReader({
        sources,
        maxImageBytes: intake.maxImageBytes,
        readBucket: async () => {
          bucket.reads += 1;
          return bucket.picture;
        },
      });
      return { env: { ...intake, fetchClaim }, lake, bucket };
    }
    const claimed = (claim: object | string, headers: Record<string, string> = {}) =>
      message(Buffer.from(typeof claim === "string" ? claim : JSON.stringify(claim)), {
        "content-type": claimContentType,
        ...headers,
      });
    const uri = "gs://pictures/a.jpg";

    it("bring the picture in that they name, with the claim's fields or the headers'", async () => {
      const { env, lake, bucket } = await withBucket();
      const inClaim = claimed({ uri, customer_id: "c1", file_name: "a.jpg", content_type: "image/png" });
      const inHeaders = { ...claimed({ uri }, { "customer-id": "c2", "file-name": "b.jpg" }), offset: 42n };
      expect(await takeMessage(env, inClaim)).toMatchObject({
        status: "accepted",
        record: {
          source_ref: "images/2/41",
          customer_id: "c1",
          file_name: "a.jpg",
          declared_type: "image/png",
          size_bytes: bucket.picture.length,
          content_sha256: sha256(bucket.picture),
        },
      });
      expect(await takeMessage(env, inHeaders)).toMatchObject({
        record: { customer_id: "c2", file_name: "b.jpg", declared_type: null },
      });
      const [key] = await keysBelow(lake, "originals/");
      expect((await readWhole(lake, String(key)))?.bytes).toEqual(bucket.picture);
    });

    it("that come again are not fetched again, whatever lies there by then", async () => {
      const { env, lake, bucket } = await withBucket();
      const one = claimed({ uri, customer_id: "c1" });
      const receipt = await takeMessage(env, one);
      bucket.picture = await picture(2);
      expect(await takeMessage(env, one)).toEqual({ ...receipt, isNew: false });
      expect(bucket.reads).toBe(1);
      expect(await keysBelow(lake, "rejected/")).toEqual([]);
    });

    it.each([
      ["claim_malformed", "no JSON", "c1"],
      ["claim_not_allowed", { uri: "gs://others/a.jpg" }, "c1"],
      ["claim_differs", { uri, sha256: sha256("another") }, "c1"],
      ["claim_malformed", { uri, customer_id: "c2" }, "c1"],
      ["unknown_customer", { uri, customer_id: "nobody" }, undefined],
    ])("that cannot be met are kept under rejected/ with %s", async (reason, claim, customer) => {
      const { env, lake } = await withBucket();
      const one = claimed(claim, customer === undefined ? {} : { "customer-id": customer });
      expect(await takeMessage(env, one)).toMatchObject({ status: "refused", refusal: { reason } });
      const [key] = await keysBelow(lake, "rejected/");
      const found = await readWhole(lake, String(key));
      expect(found && recordOf("image_rejected", found.object)).toMatchObject({
        reason,
        source_ref: "images/2/41",
      });
      if (reason.startsWith("claim_")) expect(found?.bytes).toEqual(one.value);
    });

    it("are refused where nothing is fetched", async () => {
      const { intake } = await testPlatform();
      const one = claimed({ uri, customer_id: "c1" });
      expect(await takeMessage(intake, one)).toMatchObject({ refusal: { reason: "claim_not_allowed" } });
    });

    it("whose source cannot be reached stay in the stream", async () => {
      const { intake, lake } = await testPlatform();
      const fetchClaim = async () => Promise.reject(new Unavailable("the bucket does not answer"));
      const taking = takeMessage({ ...intake, fetchClaim }, claimed({ uri, customer_id: "c1" }));
      await expect(taking).rejects.toThrow("does not answer");
      expect(await keysBelow(lake, "")).toEqual([]);
    });
  });

  it("has refused messages in the dead letters before it lets go of them, and counts what it does", async () => {
    const { intake, lake } = await testPlatform();
    const letters: string[] = [];
    let isUp = false;
    const stream = memoryStream({ retryMinMs: 1, retryMaxMs: 2 });
    const deadLetter = async (one: StreamMessage, refusal: Refused) => {
      if (!isUp) throw new Unavailable("the broker is away");
      letters.push(`${refusal.reason} ${Buffer.from(one.value)}`);
    };
    await stream.produce([
      { value: Buffer.from("no picture"), headers: { "customer-id": "c1" }, key: "k" },
      { value: await picture(1), headers: { "customer-id": "c1" }, key: "k" },
    ]);
    const stop = new AbortController();
    const env = {
      ...intake,
      stream: { ...stream, deadLetter },
      log: silentLog,
      roomFor: async () => undefined,
    };
    const consuming = consumeStream(env, stop.signal);
    while ((await keysBelow(lake, "rejected/")).length === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([await stream.lag(), letters]).toEqual([2n, []]);
    isUp = true;
    while ((await stream.lag()) > 0n) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    await consuming;
    expect(letters).toEqual(["type_not_allowed no picture"]);
    const values = await Promise.all(
      [intake.metrics.streamDeadLetters, intake.metrics.streamInFlight, intake.metrics.streamRetries].map(
        async (metric) => (await metric.get()).values[0]?.value,
      ),
    );
    expect(values.slice(0, 2)).toEqual([1, 0]);
    expect(values[2]).toBeGreaterThan(0);
  });
});
