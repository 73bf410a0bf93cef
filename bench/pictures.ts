/** Pictures that differ in their bytes and cost nothing to make: one JPEG whose comment holds a number. */

import sharp from "sharp";

const startOfImage = 2;
const commentHeader = Buffer.from([0xff, 0xfe, 0x00, 18]);
const digits = 16;

/** A JPEG of noise; 224 pixels square are about 20 KB. */
export async function noisePicture(edgePx = 224): Promise<Buffer> {
  const picture = await sharp({
    create: {
      width: edgePx,
      height: edgePx,
      channels: 3,
      background: "gray",
      noise: { type: "gaussian", mean: 128, sigma: 30 },
    },
  })
    .jpeg()
    .toBuffer();
  const comment = Buffer.concat([commentHeader, Buffer.alloc(digits, "0")]);
  return Buffer.concat([picture.subarray(0, startOfImage), comment, picture.subarray(startOfImage)]);
}

/** A copy with this number in its comment. */
export function numbered(picture: Buffer, number: number): Buffer {
  const copy = Buffer.from(picture);
  copy.write(number.toString(16).padStart(digits, "0"), startOfImage + commentHeader.length, "latin1");
  return copy;
}
