import { describe, expect, it } from "@jest/globals";
import { type Evidence, judge } from "../../chaos/judge.ts";
import { sha256 } from "../../core/ids.ts";
import { entry, evidence, imageRow } from "./entries.ts";

const entries = [entry("a"), entry("b"), entry("c", { door: "stream", detail: "by the broker" })];
const images = [imageRow("a"), imageRow("b"), imageRow("c")];
const sound = evidence({ entries, images });

/** The one thing that the judge says of evidence that differs from the sound one. */
function finding(changes: Partial<Evidence>): string {
  const found = judge({ ...sound, ...changes });
  expect(found).toHaveLength(1);
  return String(found[0]);
}

describe("the judge", () => {
  it("has nothing to say when all is as it must be", () => {
    expect(judge(sound)).toEqual([]);
  });

  it("finds a lost image", () => {
    const lost = evidence({ entries, images: images.slice(1) });
    expect(judge(lost)).toEqual(["a was acknowledged (201) and is not in fct_images"]);
  });

  it("finds an image that is there twice, under one id or under two", () => {
    const [one] = images;
    expect(judge(evidence({ entries, images: [...images, ...(one ? [one] : [])] }))).toEqual([
      "a is in fct_images 2 times",
      "image-of-a has 2 rows in fct_images",
    ]);
    const twin = imageRow("a", { imageId: "another-image" });
    expect(judge(evidence({ entries, images: [...images, twin] }))).toEqual(["a is in fct_images 2 times"]);
  });

  it("finds an image that nobody sent", () => {
    expect(judge(evidence({ entries, images: [...images, imageRow("x")] }))).toEqual([
      "image-of-x is in fct_images, and no sound submission is called x",
    ]);
  });

  it("finds what had to be refused among the images", () => {
    const refused = entry("d", { kind: "no-image", answer: "refused", detail: "415" });
    const found = judge(evidence({ entries: [...entries, refused], images: [...images, imageRow("d")] }));
    expect(found).toEqual([
      "image-of-d is in fct_images, and no sound submission is called d",
      "d was refused (415) and is not recorded as refused",
    ]);
  });

  it("finds a changed checksum in the warehouse", () => {
    const changed = imageRow("a", { contentSha256: sha256("other bytes") });
    const found = judge({ ...sound, images: [changed, ...images.slice(1)] });
    expect(found).toEqual([
      `a (image-of-a) in fct_images has checksum ${sha256("other bytes")} instead of ${sha256("a")}`,
    ]);
  });

  it("finds changed bytes in the lake", () => {
    const [first, ...others] = sound.stored;
    const changed = { imageId: String(first?.imageId), contentSha256: "00", missingRenditions: [] };
    expect(finding({ stored: [changed, ...others] })).toBe("image-of-a (a) has other bytes in the lake: 00");
  });

  it("finds an original that is gone, one without a row and one without an outcome", () => {
    expect(finding({ stored: sound.stored.slice(1) })).toBe(
      "image-of-a is in fct_images and not in the lake",
    );
    const more = { imageId: "more", contentSha256: "00", missingRenditions: [] };
    expect(finding({ stored: [...sound.stored, more] })).toBe("more is in the lake and not in fct_images");
    const pending = sound.stored.map((one) =>
      one.imageId === "image-of-b" ? { ...one, missingRenditions: undefined } : one,
    );
    expect(finding({ stored: pending })).toBe("image-of-b has no outcome in the lake");
  });

  it("finds a rendition that an outcome names and that is not there", () => {
    const stored = sound.stored.map((one) =>
      one.imageId === "image-of-b" ? { ...one, missingRenditions: ["renditions/b/thumb.webp"] } : one,
    );
    expect(finding({ stored })).toBe(
      "image-of-b has an outcome, but not its rendition renditions/b/thumb.webp",
    );
  });

  it("finds an image that is not what it was sent as", () => {
    const failed = imageRow("a", { status: "failed", reason: "attempts_exhausted" });
    expect(judge(evidence({ entries, images: [failed, ...images.slice(1)] }))).toContain(
      "a (image-of-a) in fct_images is failed (attempts_exhausted) instead of processed",
    );
    const stranger = imageRow("a", { customerId: "museum" });
    expect(judge(evidence({ entries, images: [stranger, ...images.slice(1)] }))).toEqual([
      "a (image-of-a) in fct_images belongs to museum instead of studio",
    ]);
    const told = [entry("a", { imageId: "told" }), ...entries.slice(1)];
    expect(judge(evidence({ entries: told, images }))).toEqual([
      "a (image-of-a) in fct_images is image-of-a and was told as told",
    ]);
  });

  it("lets an image without an answer be there once or not at all", () => {
    const unknown = [...entries, entry("d", { answer: "unknown", detail: "ECONNRESET" })];
    expect(judge(evidence({ entries: unknown, images }))).toEqual([]);
    expect(judge(evidence({ entries: unknown, images: [...images, imageRow("d")] }))).toEqual([]);
    const twice = [imageRow("d"), imageRow("d", { imageId: "another" })];
    expect(judge(evidence({ entries: unknown, images: [...images, ...twice] }))).toEqual([
      "d is in fct_images 2 times",
    ]);
  });

  it("finds a door that refused a sound image, and one that accepted no image", () => {
    const refused = entry("d", { answer: "refused", detail: "422" });
    expect(judge(evidence({ entries: [...entries, refused], images }))).toEqual([
      "d: a sound upload was refused (422)",
    ]);
    const accepted = entry("d", { kind: "no-image", detail: "201" });
    expect(judge(evidence({ entries: [...entries, accepted], images }))).toContain(
      "d: a no-image upload was acknowledged (201)",
    );
  });

  it("wants what was refused recorded once, and nothing else", () => {
    const bad = entry("d", { door: "stream", kind: "stranger", detail: "by the broker" });
    const all = [...entries, bad];
    const row = { rejectId: "reject-of-d", reason: "unknown_customer", fileName: "d" };
    expect(judge(evidence({ entries: all, images, rejections: [row] }))).toEqual([]);
    expect(judge(evidence({ entries: all, images, rejections: [] }))).toEqual([
      "d was acknowledged (by the broker) and is not recorded as refused",
    ]);
    const twin = { ...row, rejectId: "another" };
    expect(judge(evidence({ entries: all, images, rejections: [row, twin] }))).toEqual([
      "d is recorded as refused 2 times",
    ]);
    const ofSound = { ...row, fileName: "a" };
    expect(judge(evidence({ entries, images, rejections: [ofSound] }))).toEqual([
      "a was refused (unknown_customer) as reject-of-d",
    ]);
  });

  it("finds what the platform counts otherwise", () => {
    expect(judge({ ...sound, counts: { ...sound.counts, processed: 2, pending: 1 } })).toEqual([
      "the reports say processed 2 instead of 3",
      "the reports say pending 1 instead of 0",
    ]);
    expect(finding({ unreconciled: 2 })).toBe("reconcile_submissions finds 2 customers and days");
  });

  it("finds what an orderly stop left undone", () => {
    const json = { ...sound.refresh?.json, loaded_rows: 4 };
    expect(finding({ refresh: { command: "refresh", code: 0, json } })).toBe(
      "refresh says loaded_rows 4 instead of 0",
    );
    expect(judge({ ...sound, refresh: undefined })).toEqual([]);
  });

  it("passes on what refresh and reconciliation say", () => {
    const reconcile = { command: "reconcile --check", code: 1, json: { rows_without_object: 1 } };
    expect(finding({ reconcile })).toBe('reconcile --check ended with 1: {"rows_without_object":1}');
    const { json } = sound.refresh ?? { json: {} };
    expect(finding({ refresh: { command: "refresh", code: 1, json } })).toMatch(/^refresh ended with 1/);
  });
});
