/** The recipe that every image is processed by unless told otherwise. */

import type { Recipe } from "./processor.ts";

export const standardRecipe: Recipe = {
  name: "standard",
  version: 1,
  renditions: [
    { name: "large", longestEdgePx: 1600, format: "webp", quality: 80 },
    { name: "medium", longestEdgePx: 800, format: "webp", quality: 80 },
    { name: "small", longestEdgePx: 320, format: "webp", quality: 80 },
  ],
};
