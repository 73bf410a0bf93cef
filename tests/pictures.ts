/** Pictures that tests draw themselves: small, different by number, and with a top that orientation can be told from. */

import sharp from "sharp";

/** A picture whose upper left quarter is bright; `number` changes its colours. */
export async function picture(
  number = 1,
  options: {
    width?: number;
    height?: number;
    format?: "jpeg" | "png" | "webp" | "gif";
    orientation?: number;
  } = {},
): Promise<Buffer> {
  const { width = 64, height = 48, format = "png", orientation } = options;
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isBright = x < width / 2 && y < height / 2;
      const colour = [
        isBright ? 240 : (x * 3 + number * 37) % 120,
        (y * 2 + number * 11) % 120,
        (number * 53) % 120,
      ];
      pixels.set(colour, (y * width + x) * 3);
    }
  }
  const raw = sharp(pixels, { raw: { width, height, channels: 3 } });
  return (orientation === undefined ? raw : raw.withMetadata({ orientation })).toFormat(format).toBuffer();
}
