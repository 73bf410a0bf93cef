/**
 * A 64-bit perceptual hash: the signs of the 63 lowest frequencies of the picture around their median (pHash's method:
 * greyscale 32 × 32, discrete cosine transform, the 8 × 8 lowest coefficients without the constant one).
 */

const size = 32;
const kept = 8;

/** cosines[u][x] of the transform's kept rows. */
const cosines = Array.from({ length: kept }, (_, u) =>
  Float64Array.from({ length: size }, (_, x) => Math.cos(((2 * x + 1) * u * Math.PI) / (2 * size))),
);

/** Bytes of the greyscale picture that the hash is made from: 32 × 32, one byte a pixel, row by row. */
export const hashInputPx = size;

/** The hash in 16 hexadecimal digits. */
export function perceptualHash(grey: Uint8Array): string {
  const rows = Array.from({ length: size }, (_, y) => transform((x) => grey[y * size + x] ?? 0));
  const coefficients = Array.from({ length: kept }, (_, u) => transform((y) => rows[y]?.[u] ?? 0)).flat();
  const frequencies = coefficients.slice(1);
  const median = [...frequencies].sort((left, right) => left - right)[(frequencies.length - 1) / 2] ?? 0;
  const bits = coefficients.map((value, index) => (index > 0 && value > median ? "1" : "0")).join("");
  return BigInt(`0b${bits}`).toString(16).padStart(16, "0");
}

/** In how many of 64 bits two hashes differ. */
export function hashDistance(left: string, right: string): number {
  const different = BigInt(`0x${left}`) ^ BigInt(`0x${right}`);
  return [...different.toString(2)].filter((bit) => bit === "1").length;
}

function transform(sample: (index: number) => number): number[] {
  return cosines.map((wave) => wave.reduce((sum, cosine, index) => sum + cosine * sample(index), 0));
}
