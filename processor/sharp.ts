/** The processor in this process: libvips through sharp. */

import sharp, { type Metadata, type Sharp } from "sharp";
import { messageOf, Refused } from "../core/errors.ts";
import { captureTimeLocal } from "./exif.ts";
import { hashInputPx, perceptualHash } from "./perceptual-hash.ts";
import type {
  Developed,
  ImageFacts,
  ProcessingLimits,
  Processor,
  Recipe,
  Rendition,
  RenditionRecipe,
} from "./processor.ts";

interface Raw {
  readonly pixels: Buffer;
  readonly info: { readonly width: number; readonly height: number; readonly channels: 1 | 2 | 3 | 4 };
}

const mediaTypes = { webp: "image/webp", jpeg: "image/jpeg" } as const;

/** Decoders are an allow-list: libvips has more than are safe for strangers' bytes. */
const decoders = [
  "VipsForeignLoadJpeg",
  "VipsForeignLoadPng",
  "VipsForeignLoadWebp",
  "VipsForeignLoadNsgif",
  "VipsForeignLoadHeif",
  "VipsForeignLoadTiff",
];

/**
 * Settings are for the whole process (sharp has one): a thread an image and no cache, because images come once and many at a
 * time, and no decoder outside the allow-list.
 */
export function sharpProcessor(options: ProcessingLimits): Processor {
  sharp.concurrency(1);
  sharp.cache(false);
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({ operation: decoders });

  return {
    name: "sharp",
    version: `${sharp.versions.sharp}+vips${sharp.versions.vips}`,
    async process(original: Uint8Array, recipe: Recipe): Promise<Developed> {
      try {
        return await develop(original, recipe, options);
      } catch (error) {
        throw asRefusal(error, options);
      }
    },
  };
}

/** One decode, oriented and in sRGB, to the largest size; the smaller ones are made from its pixels. */
async function develop(
  original: Uint8Array,
  recipe: Recipe,
  { maxPixels, timeoutMs }: ProcessingLimits,
): Promise<Developed> {
  const input = sharp(original, { failOn: "warning", limitInputPixels: maxPixels, sequentialRead: true });
  const metadata = await input.metadata();
  const decoded = input
    .autoOrient()
    .toColourspace("srgb")
    .timeout({ seconds: Math.ceil(timeoutMs / 1000) });
  const [first, ...smaller] = recipe.renditions;
  let pixels = await rawPixels(decoded.resize(withinEdge(first)));
  const renditions = [await encode(pixels, first)];
  for (const next of smaller) {
    pixels = await rawPixels(fromRaw(pixels).resize(withinEdge(next)));
    renditions.push(await encode(pixels, next));
  }
  return { facts: await factsOf(metadata, pixels), renditions };
}

function withinEdge({ longestEdgePx }: RenditionRecipe) {
  return { width: longestEdgePx, height: longestEdgePx, fit: "inside", withoutEnlargement: true } as const;
}

async function rawPixels(pipeline: Sharp): Promise<Raw> {
  const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
  return { pixels: data, info: { width: info.width, height: info.height, channels: info.channels } };
}

function fromRaw({ pixels, info }: Raw): Sharp {
  return sharp(pixels, { raw: info });
}

async function encode(raw: Raw, { name, format, quality }: RenditionRecipe): Promise<Rendition> {
  const bytes = await fromRaw(raw).toFormat(format, { quality }).toBuffer();
  return {
    name,
    fileName: `${name}.${format}`,
    mediaType: mediaTypes[format],
    widthPx: raw.info.width,
    heightPx: raw.info.height,
    bytes,
  };
}

async function factsOf(metadata: Metadata, smallest: Raw): Promise<ImageFacts> {
  const grey = await fromRaw(smallest)
    .flatten({ background: "white" })
    .greyscale()
    .resize(hashInputPx, hashInputPx, { fit: "fill" })
    .raw()
    .toBuffer();
  return {
    format: metadata.format === "heif" && metadata.compression === "av1" ? "avif" : metadata.format,
    widthPx: metadata.autoOrient.width,
    heightPx: metadata.autoOrient.height,
    colourSpace: metadata.space,
    hasAlpha: metadata.hasAlpha,
    frames: metadata.pages ?? 1,
    orientation: metadata.orientation ?? 1,
    captureTimeLocal: captureTimeLocal(metadata.exif),
    perceptualHash: perceptualHash(grey),
  };
}

/** libvips says what is wrong in words only; everything it says about an input is the input's fault. */
function asRefusal(error: unknown, { maxPixels, timeoutMs }: ProcessingLimits): Refused {
  const message = messageOf(error).split("\n")[0] ?? "";
  if (/pixel limit/i.test(message)) {
    return new Refused("too_many_pixels", "the image has too many pixels", `at most ${maxPixels} pixels`);
  }
  if (/timeout/i.test(message)) {
    return new Refused(
      "too_slow",
      "the image takes too long to decode",
      `an image that decodes within ${timeoutMs} ms`,
    );
  }
  if (/unsupported image format|operation is blocked/i.test(message)) {
    return new Refused(
      "type_not_allowed",
      "the content is not an image of an allowed type",
      "JPEG, PNG, WebP, GIF, AVIF or TIFF",
    );
  }
  return new Refused("damaged", `the image cannot be decoded: ${message}`, "a whole, undamaged image");
}
