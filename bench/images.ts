/** Images a second and CPU an image: `ingest` and `work` with every sync on, beside a bare sharp loop on the same files. */

import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { filesBelow } from "../loaders/folder/files.ts";
import { runTree, type TreeUse } from "./processes.ts";

interface Measured extends TreeUse {
  readonly imagesPerSecond: number;
  readonly cpuMsPerImage: number;
}

/** The least share of the bare loop's speed that is acceptable, and the most memory. */
const leastShare = 0.75;
const mostMb = 400;

const imageNames = /\.(jpe?g|png|webp)$/i;

export async function benchImages(options: {
  readonly folder: string;
  readonly images: number;
  readonly rounds: number;
}): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "darkroom-bench-"));
  try {
    const input = await repeatTo(options.images, options.folder, join(scratch, "input"));
    const arms = { bare: [] as Measured[], darkroom: [] as Measured[] };
    for (let round = 1; round <= options.rounds; round++) {
      arms.bare.push(await measure("bare-sharp", input, join(scratch, "unused")));
      arms.darkroom.push(await measure("ingest-and-work", input, join(scratch, `round-${round}`)));
      console.error(`round ${round} of ${options.rounds}`);
    }
    show(arms);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Copies of the folder's images until there are so many, each under a name of its own. */
async function repeatTo(images: number, folder: string, input: string): Promise<string> {
  await mkdir(input, { recursive: true });
  const originals: string[] = [];
  for await (const { path } of filesBelow(folder)) originals.push(path.toString());
  const usable = originals.filter((path) => imageNames.test(path));
  for (let copy = 0; copy < images; copy++) {
    const original = String(usable[copy % usable.length]);
    await copyFile(original, join(input, `${String(copy).padStart(4, "0")}-${basename(original)}`));
  }
  return input;
}

/** An arm in a process of its own; it prints `{images, seconds}` for the work without the start of Node.js. */
async function measure(arm: string, input: string, scratch: string): Promise<Measured> {
  const script = fileURLToPath(new URL(`arms/${arm}.ts`, import.meta.url));
  const env = { ...process.env, UV_THREADPOOL_SIZE: "16" };
  const use = await runTree(["--import", "tsx", script, input, scratch], env);
  const { images, seconds } = JSON.parse(use.lastLine) as { images: number; seconds: number };
  return { ...use, imagesPerSecond: images / seconds, cpuMsPerImage: use.cpuMs / images };
}

function show({
  bare,
  darkroom,
}: {
  readonly bare: readonly Measured[];
  readonly darkroom: readonly Measured[];
}): void {
  const row = (name: string, arm: readonly Measured[]) => ({
    arm: name,
    "images/s": Number(median(arm.map((one) => one.imagesPerSecond)).toFixed(2)),
    "CPU ms/image": Math.round(median(arm.map((one) => one.cpuMsPerImage))),
    "peak MB": Math.round(median(arm.map((one) => one.peakMb))),
  });
  console.table([row("bare sharp loop", bare), row("darkroom ingest + work", darkroom)]);
  const share = median(
    darkroom.map((one, round) => one.imagesPerSecond / (bare[round]?.imagesPerSecond ?? Number.NaN)),
  );
  const peakMb = Math.max(...darkroom.map((one) => one.peakMb));
  console.log(`speed: ${share.toFixed(2)} of the bare loop (at least ${leastShare} wanted)`);
  console.log(`memory: at most ${Math.round(peakMb)} MB in all processes together (below ${mostMb} wanted)`);
  process.exitCode = share >= leastShare && peakMb < mostMb ? 0 : 1;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}
