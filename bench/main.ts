/** `npm run bench`: speed and memory as ratios within one run: rounds are interleaved, medians are compared. */

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Argument, Command } from "commander";
import { benchImages } from "./images.ts";
import { benchMemory } from "./memory.ts";
import { type BenchServices, benchServices } from "./services.ts";
import { benchClaims, benchStream } from "./stream.ts";
import { benchUpload } from "./upload.ts";

const parts = ["images", "upload", "stream", "claims", "memory"] as const;
type Part = (typeof parts)[number];

interface Options {
  readonly folder: string;
  readonly images: number;
  readonly in: string;
}

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const photos = pathOf("../../shared/photos/");
const howToStart = "npm run services:install && npm run services:start";
/** The type of tmpfs in statfs(2). */
const memoryFileSystem = 0x01021994;

await new Command("bench")
  .addArgument(new Argument("[part]").choices([...parts, "all"]).default("all"))
  .argument("[rounds]", "how often each arm runs", wholeNumber, 5)
  .option("--folder <path>", "images: pictures to process", photos)
  .option("--images <number>", "images, memory: how many", wholeNumber)
  .option("--in <path>", "a folder on the disk to measure", pathOf("../.darkroom/bench"))
  .action(async (part: Part | "all", rounds: number, options: Options) => {
    const wanted = part === "all" ? parts : [part];
    const needsServices = wanted.some((one) => one === "stream" || one === "claims" || one === "memory");
    const services = needsServices ? await benchServices() : undefined;
    for (const one of wanted) await run(one, rounds, options, services);
  })
  .parseAsync();

async function run(
  part: Part,
  rounds: number,
  { folder, images, in: place }: Options,
  services: BenchServices | undefined,
): Promise<void> {
  if (part === "images") return runImages({ folder, images: images ?? 200, rounds });
  const scratch = await emptyFolder(place);
  console.log(`\n${part}`);
  try {
    if (part === "upload") return await benchUpload({ scratch, requests: 4000, rounds });
    if (part === "memory") return await benchMemory({ services, scratch, images: images ?? 10_000 });
    if (services === undefined)
      return console.log(`left out: Kafka or Cloud Storage does not run: ${howToStart}`);
    if (part === "stream") return await benchStream({ services, scratch, messages: 6000, rounds });
    await benchClaims({ services, scratch, messages: 1500, rounds });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function runImages(options: Parameters<typeof benchImages>[0]): Promise<void> {
  if (existsSync(options.folder)) return benchImages(options);
  console.error(`${options.folder} is not there: --folder FOLDER names one with pictures`);
  process.exitCode = 2;
}

/** On a file system that is in memory a sync costs nothing, and the shares say nothing. */
async function emptyFolder(place: string): Promise<string> {
  await mkdir(place, { recursive: true });
  if ((await statfs(place)).type === memoryFileSystem)
    console.error(`${place} is in memory: name a folder on a disk with --in`);
  return mkdtemp(join(place, "run-"));
}

function wholeNumber(text: string): number {
  return Math.max(1, Math.floor(Number(text)) || 1);
}
