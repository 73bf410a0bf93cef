import { describe, expect, it } from "@jest/globals";
import { silentLog } from "../../../core/log.ts";
import { recordOf } from "../../../lake/records.ts";
import { consumeStream, takeMessage } from "../../../loaders/stream/door.ts";
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
});
