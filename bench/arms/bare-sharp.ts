/** The least that has to be done: decode once, cascade to the three sizes, encode; nothing is kept. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { standardRecipe } from "../../processor/recipe.ts";

const inFlight = 4;
const folder = String(process.argv[2]);
sharp.concurrency(1);
sharp.cache(false);

async function develop(path: string): Promise<void> {
  let pixels = sharp(await readFile(path))
    .autoOrient()
    .toColourspace("srgb");
  for (const { longestEdgePx, format, quality } of standardRecipe.renditions) {
    const { data, info } = await pixels
      .resize(longestEdgePx, longestEdgePx, { fit: "inside", withoutEnlargement: true })
      .raw()
      .toBuffer({ resolveWithObject: true });
    pixels = sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
    await pixels.clone().toFormat(format, { quality }).toBuffer();
  }
}

const startedMs = performance.now();
const names = await readdir(folder);
const queue = [...names];
await Promise.all(
  Array.from({ length: inFlight }, async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift())
      await develop(join(folder, name));
  }),
);
console.log(JSON.stringify({ images: names.length, seconds: (performance.now() - startedMs) / 1000 }));
