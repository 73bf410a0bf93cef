import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "@jest/globals";
import sharp from "sharp";
import { drawScene } from "../../cli/demo/canvas.ts";
import { seededRandom } from "../../cli/demo/random.ts";
import { hashDistance } from "../../processor/perceptual-hash.ts";
import { standardRecipe } from "../../processor/recipe.ts";
import { sharpProcessor } from "../../processor/sharp.ts";
import { picture } from "../pictures.ts";

const processor = sharpProcessor({ maxPixels: 5_000_000, timeoutMs: 10_000 });

/** Alike images differ in at most so many of 64 bits; unlike ones in about 32. */
const alikeBits = 10;

const photos = new URL("../../../shared/photos/orientation/", import.meta.url);

describe("sharp processor", () => {
  it("makes three renditions from one picture, none larger than the original", async () => {
    const original = await picture(1, { width: 1000, height: 500, format: "jpeg" });
    const { facts, renditions } = await processor.process(original, standardRecipe);
    expect(
      renditions.map(({ name, widthPx, heightPx, mediaType }) => [name, widthPx, heightPx, mediaType]),
    ).toEqual([
      ["large", 1000, 500, "image/webp"],
      ["medium", 800, 400, "image/webp"],
      ["small", 320, 160, "image/webp"],
    ]);
    for (const { bytes, widthPx, heightPx } of renditions) {
      const metadata = await sharp(bytes).metadata();
      expect([metadata.format, metadata.width, metadata.height]).toEqual(["webp", widthPx, heightPx]);
      expect([metadata.exif, metadata.icc]).toEqual([undefined, undefined]);
    }
    expect(facts).toMatchObject({
      format: "jpeg",
      widthPx: 1000,
      heightPx: 500,
      hasAlpha: false,
      frames: 1,
      orientation: 1,
    });
  });

  it("reads format, alpha, frames and colour space", async () => {
    const frames = await sharp([await picture(1), await picture(2)], { join: { animated: true } })
      .gif()
      .toBuffer();
    const grey = await sharp(await picture(1))
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const clear = await sharp(await picture(1))
      .ensureAlpha(0.5)
      .webp()
      .toBuffer();
    const factsOf = async (bytes: Buffer) => (await processor.process(bytes, standardRecipe)).facts;
    expect(await factsOf(frames)).toMatchObject({ format: "gif", frames: 2 });
    expect(await factsOf(grey)).toMatchObject({ format: "png", colourSpace: "b-w", hasAlpha: false });
    expect(await factsOf(clear)).toMatchObject({ format: "webp", hasAlpha: true });
    expect(
      await factsOf(
        await sharp(await picture(1))
          .avif({ effort: 0 })
          .toBuffer(),
      ),
    ).toMatchObject({ format: "avif" });
    expect(
      await factsOf(
        await sharp(await picture(1))
          .tiff()
          .toBuffer(),
      ),
    ).toMatchObject({ format: "tiff" });
  });

  it("reads the capture time by the camera's own clock", async () => {
    const exif = { IFD2: { DateTimeOriginal: "2024:02:29 23:59:58" } };
    const bytes = await sharp(await picture(1))
      .withExif(exif)
      .jpeg()
      .toBuffer();
    expect((await processor.process(bytes, standardRecipe)).facts.captureTimeLocal).toBe(
      "2024-02-29T23:59:58",
    );
    const nonsense = await sharp(await picture(1))
      .withExif({ IFD2: { DateTimeOriginal: "yesterday" } })
      .jpeg()
      .toBuffer();
    expect((await processor.process(nonsense, standardRecipe)).facts.captureTimeLocal).toBeNull();
  });

  it.each(["Landscape", "Portrait"])(
    "shows all eight orientations of a %s photograph alike",
    async (name) => {
      if (!existsSync(photos)) {
        if (process.env.CI === "true") throw new TypeError("the photographs are missing in CI");
        console.log("skipped: orientation photographs (put them at ../shared/photos)");
        return;
      }
      const developed = await Promise.all(
        [1, 2, 3, 4, 5, 6, 7, 8].map(async (orientation) =>
          processor.process(await readFile(new URL(`${name}_${orientation}.jpg`, photos)), standardRecipe),
        ),
      );
      const [first] = developed;
      for (const { facts, renditions } of developed) {
        expect(hashDistance(facts.perceptualHash, String(first?.facts.perceptualHash))).toBeLessThanOrEqual(
          alikeBits,
        );
        expect(renditions.map(({ widthPx }) => widthPx)).toEqual(
          first?.renditions.map(({ widthPx }) => widthPx),
        );
        const isWide = Number(renditions[0]?.widthPx) > Number(renditions[0]?.heightPx);
        expect(isWide).toBe(name === "Landscape");
      }
    },
  );

  it("gives alike hashes to alike pictures of other size and format, and others to others", async () => {
    const hashOf = async (bytes: Buffer) =>
      (await processor.process(bytes, standardRecipe)).facts.perceptualHash;
    const { pixels, width, height } = drawScene("photograph", 400, 300, seededRandom(7));
    const original = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    const smaller = await sharp(original).resize(200).jpeg({ quality: 60 }).toBuffer();
    const mirrored = await sharp(original).flop().toBuffer();
    expect(hashDistance(await hashOf(original), await hashOf(smaller))).toBeLessThanOrEqual(alikeBits);
    expect(hashDistance(await hashOf(original), await hashOf(mirrored))).toBeGreaterThan(2 * alikeBits);
  });

  it.each([
    [
      "a truncated JPEG",
      async () => (await picture(1, { width: 400, height: 300, format: "jpeg" })).subarray(0, 900),
      "damaged",
    ],
    ["text", async () => Buffer.from("no picture at all"), "type_not_allowed"],
    [
      "SVG",
      async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      "type_not_allowed",
    ],
    ["more pixels than allowed", async () => picture(1, { width: 3000, height: 2000 }), "too_many_pixels"],
  ])("refuses %s", async (_what, bytes, reason) => {
    await expect(processor.process(await bytes(), standardRecipe)).rejects.toMatchObject({
      name: "Refused",
      reason,
    });
  });
});
