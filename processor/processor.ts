/** The port of processing: bytes in, facts and renditions out, by a recipe. */

/** One picture that a recipe makes. */
export interface RenditionRecipe {
  /** Also the file's name; unique in the recipe. */
  readonly name: string;
  /** The longer edge is at most so many pixels; smaller images are not enlarged. */
  readonly longestEdgePx: number;
  readonly format: "webp" | "jpeg";
  /** 1 to 100, as the encoder counts. */
  readonly quality: number;
}

/** What is made of an image. What it makes never changes under one version. */
export interface Recipe {
  readonly name: string;
  readonly version: number;
  /** From large to small: each is made from the one before. */
  readonly renditions: readonly [RenditionRecipe, ...RenditionRecipe[]];
}

/** What the image says of itself; widths and heights as shown, after orientation. */
export interface ImageFacts {
  readonly format: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly colourSpace: string;
  readonly hasAlpha: boolean;
  readonly frames: number;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
  /** By the camera's own clock, without a zone: `YYYY-MM-DDTHH:MM:SS`. */
  readonly captureTimeLocal: string | null;
  /** 64 bits in hexadecimal; alike images differ in few of them. */
  readonly perceptualHash: string;
}

export interface Rendition {
  readonly name: string;
  readonly fileName: string;
  readonly mediaType: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly bytes: Uint8Array;
}

export interface Developed {
  readonly facts: ImageFacts;
  readonly renditions: readonly Rendition[];
}

/** What one image may cost. */
export interface ProcessingLimits {
  /** Larger images are refused before they are decoded. */
  readonly maxPixels: number;
  /** An image that takes longer is stopped and refused. */
  readonly timeoutMs: number;
}

export interface Processor {
  readonly name: string;
  readonly version: string;
  /**
   * Throws `Refused` for what no retry mends (damaged, too many pixels, not an allowed format, too slow to decode), and
   * `Unavailable` for what one may.
   */
  process(original: Uint8Array, recipe: Recipe): Promise<Developed>;
}
