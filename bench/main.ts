/** `npm run bench`: speed and memory as ratios within one run: rounds are interleaved, medians are compared. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { benchImages } from "./images.ts";

const photos = fileURLToPath(new URL("../../shared/photos/", import.meta.url));
const folder = process.argv[2] ?? photos;

if (!existsSync(folder)) {
  console.error(`${folder} is not there: npm run bench -- [FOLDER [IMAGES [ROUNDS]]]`);
  process.exitCode = 2;
} else {
  await benchImages({ folder, images: Number(process.argv[3] ?? 200), rounds: Number(process.argv[4] ?? 3) });
}
