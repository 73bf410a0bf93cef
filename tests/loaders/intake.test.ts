import { describe, expect, it } from "@jest/globals";
import { sha256, uploadImageId } from "../../core/ids.ts";
import { type Lake, readWhole } from "../../lake/lake.ts";
import { originalKey } from "../../lake/layout.ts";
import { recordOf } from "../../lake/records.ts";
import { type Submission, takeIn } from "../../loaders/intake.ts";
import { picture } from "../pictures.ts";
import { keysBelow, testPlatform } from "../platform.ts";

const submission = (changes: Partial<Submission> & Pick<Submission, "bytes">): Submission => ({
  imageId: uploadImageId("c1", "key"),
  source: "upload",
  sourceRef: "key",
  customerId: "c1",
  declaredType: "image/png",
  fileName: "one.png",
  contentSha256: sha256(changes.bytes),
  ...changes,
});

describe("intake", () => {
  it("creates the original with its record, and gives the same receipt again", async () => {
    const { intake, lake } = await testPlatform();
    const first = await takeIn(intake, submission({ bytes: await picture(1) }));
    const again = await takeIn(intake, submission({ bytes: await picture(1) }));
    expect(first).toMatchObject({
      status: "accepted",
      isNew: true,
      record: { customer_id: "c1", format: "png" },
    });
    expect(again).toEqual({ ...first, isNew: false });
    const object = await lake.stat(originalKey(uploadImageId("c1", "key")));
    expect(object && recordOf("image_received", object)).toEqual("record" in first && first.record);
  });

  it.each([
    ["no_customer", { customerId: undefined }],
    ["no_customer", { customerId: "" }],
    ["unknown_customer", { customerId: "c9" }],
    ["unknown_customer", { customerId: "../../etc/passwd\u0000" }],
    ["inactive_customer", { customerId: "c3" }],
    ["empty", { bytes: Buffer.alloc(0) }],
    ["too_large", { bytes: Buffer.alloc(100_001) }],
    ["type_not_allowed", { bytes: Buffer.from("%PDF-1.7\n") }],
  ])("refuses with %s and keeps what came: %j", async (reason, changes) => {
    const { intake, lake } = await testPlatform();
    const given = submission({ bytes: await picture(1), ...changes });
    const receipt = await takeIn(intake, given);
    expect(receipt).toMatchObject({ status: "refused", isNew: true, refusal: { reason } });
    expect(await takeIn(intake, given)).toMatchObject({ status: "refused", isNew: false });
    expect(await keysBelow(lake, "originals/")).toEqual([]);
    const [key] = await keysBelow(lake, "rejected/");
    const kept = await readWhole(lake, String(key));
    expect(kept && recordOf("image_rejected", kept.object)).toMatchObject({
      reason,
      stage: "door",
      source: "upload",
    });
    expect(kept?.bytes.equals(Buffer.from(given.bytes).subarray(0, 65_536))).toBe(true);
  });

  it("cuts customers' texts so that records stay small", async () => {
    const { intake, lake } = await testPlatform();
    await takeIn(
      intake,
      submission({ bytes: await picture(1), fileName: "é".repeat(5000), declaredType: "x".repeat(5000) }),
    );
    const [key] = await keysBelow(lake, "originals/");
    expect((await lake.stat(String(key)))?.metadata).toMatchObject({
      file_name: "é".repeat(255),
      declared_type: "x".repeat(100),
    });
  });

  it("never cuts a character in half, and replaces what is no text", async () => {
    const { intake, lake } = await testPlatform();
    await takeIn(
      intake,
      submission({ bytes: await picture(1), fileName: `${"a".repeat(254)}😀😀`, sourceRef: "x\ud83d" }),
    );
    const [key] = await keysBelow(lake, "originals/");
    expect((await lake.stat(String(key)))?.metadata).toMatchObject({
      file_name: `${"a".repeat(254)}😀`,
      source_ref: "x\ufffd",
    });
  });

  it("is not accepted when the lake cannot be written", async () => {
    const { intake } = await testPlatform();
    const lake: Lake = { ...intake.lake, create: () => Promise.reject(new RangeError("disk full")) };
    await expect(takeIn({ ...intake, lake }, submission({ bytes: await picture(1) }))).rejects.toThrow(
      "disk full",
    );
  });
});
