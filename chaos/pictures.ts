/** Pictures that are sent: tiny, so that many flow in little time, and each with pixels, and so a checksum, of its own. */

import sharp from "sharp";
import type { Random } from "../cli/demo/random.ts";

const edge = 32;

/** A small picture of noise. */
export async function tinyPicture(random: Random): Promise<Buffer> {
  const pixels = Buffer.alloc(edge * edge * 3);
  for (let at = 0; at < pixels.length; at++) pixels[at] = random.whole(0, 255);
  const raw = { width: edge, height: edge, channels: 3 } as const;
  return sharp(pixels, { raw })
    .toFormat(random.pick(["png", "jpeg"]))
    .toBuffer();
}

/** Its beginning: enough to be taken for a picture, not enough to be one. */
export function brokenOff(picture: Buffer): Buffer {
  return picture.subarray(0, Math.floor(picture.length * 0.5));
}

/** No picture at all, and different each time. */
export function noPicture(random: Random): Buffer {
  return Buffer.from(`this is a text and no picture: ${random.next()}\n`);
}
