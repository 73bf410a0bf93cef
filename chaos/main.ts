/** `npm run chaos`: faults while images flow, seed after seed, and a judge after each. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { seededRandom } from "../cli/demo/random.ts";
import { Misconfigured, messageOf } from "../core/errors.ts";
import { randomToken } from "../core/ids.ts";
import { type Services, startServices } from "../infra/services/services.ts";
import { startEmbeddedWorld } from "./embedded-world.ts";
import { printResult, printSummary, say } from "./report.ts";
import { runSeed } from "./seed.ts";
import { missingServices, startServicesWorld } from "./services-world.ts";
import { type WorldKind, worldKinds } from "./world.ts";

interface Options {
  readonly seeds: number;
  readonly first: number;
  readonly seed?: number;
  readonly world: WorldKind | "both";
  readonly minutes: number;
  readonly requireServices?: boolean;
}

const program = new Command("chaos")
  .description(
    "injects faults while images flow, and judges what became of every image that was acknowledged",
  )
  .option("--seeds <count>", "how many seeds, counted up", whole, 20)
  .option("--first <seed>", "the first of them", whole, 1)
  .option("--seed <seed>", "only this one", whole)
  .option("--world <world>", `${worldKinds.join(", ")}, or both`, readWorld, "both")
  .option("--minutes <minutes>", "begin no seed that would usually not end in this time", whole, 60)
  .option("--require-services", "fail when the servers are not installed");

/** What a seed usually takes. */
const usualSeedMs = { embedded: 15_000, services: 40_000 } as const;

/** Ends the run with the seed that is under way; its processes, and the servers, are ended too. */
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort()).once("SIGTERM", () => interrupted.abort());

try {
  process.exitCode = (await runAll(program.parse().opts<Options>())) ? 0 : 1;
} catch (error) {
  say(messageOf(error));
  process.exitCode = error instanceof Misconfigured ? 2 : 1;
}

async function runAll(options: Options): Promise<boolean> {
  const startedMs = performance.now();
  const isTimeLeft = (kind: WorldKind) =>
    performance.now() - startedMs + usualSeedMs[kind] < options.minutes * 60_000;
  const seeds = options.seed === undefined ? countUp(options.first, options.seeds) : [options.seed];
  const allowed = worldsOf(options);
  const worlds = allowed.filter((kind) => seeds.some((seed) => worldOf(seed, allowed) === kind));
  const base = await mkdtemp(join(tmpdir(), "darkroom-chaos-"));
  const services = worlds.includes("services") ? await startOwnServices(base) : undefined;
  const counts = { wanted: seeds.length, passed: 0, failed: 0 };
  /** The worlds run side by side, since each waits for much; in a world one seed follows the other. */
  const runLane = async (kind: WorldKind) => {
    for (const seed of seeds.filter((one) => worldOf(one, allowed) === kind)) {
      if (!isTimeLeft(kind) || interrupted.signal.aborted) return;
      const hasPassed = await runOne(seed, kind, base, services);
      counts[hasPassed ? "passed" : "failed"] += 1;
    }
  };
  try {
    await Promise.all(worlds.map(runLane));
  } finally {
    await services?.stop({ purge: counts.failed === 0 });
    if (counts.failed === 0) await rm(base, { recursive: true, force: true });
  }
  printSummary({ ...counts, seconds: (performance.now() - startedMs) / 1000 });
  return counts.failed === 0 && counts.passed > 0;
}

/** Every fourth seed runs in the services' world, where a seed costs three times as much. */
function worldOf(seed: number, worlds: readonly WorldKind[]): WorldKind | undefined {
  return worlds.length === 1 ? worlds[0] : seed % 4 === 0 ? "services" : "embedded";
}

function worldsOf({ world, requireServices = false }: Options): readonly WorldKind[] {
  if (world === "embedded" && !requireServices) return [world];
  const reason = missingServices();
  if (reason === undefined) return world === "both" ? worldKinds : [world];
  if (requireServices || world === "services") throw new Misconfigured([reason]);
  say(`the services' world is left out: ${reason}`);
  return ["embedded"];
}

/** Servers that nobody else uses, since they are paused and killed. */
function startOwnServices(base: string): Promise<Services> {
  return startServices({ folder: join(base, "services"), ports: "free", say });
}

async function runOne(
  seed: number,
  kind: WorldKind,
  base: string,
  services: Services | undefined,
): Promise<boolean> {
  const folder = join(base, `seed-${seed}-${kind}`);
  const startedMs = performance.now();
  // Some seeds have the worker in the door's process, so that they die and hang together.
  const options = { random: seededRandom(seed).next, isWorkerApart: seed % 3 !== 0 };
  const result = await runSeed({
    seed,
    kind,
    folder,
    signal: interrupted.signal,
    startWorld: (plan) =>
      services === undefined || kind === "embedded"
        ? startEmbeddedWorld(
            folder,
            plan.some(({ name }) => name === "full-disk"),
            options,
          )
        : startServicesWorld(folder, services, suffixOf(seed), options),
  });
  const hasPassed = result.findings.length === 0;
  printResult({ seed, kind, folder, seconds: (performance.now() - startedMs) / 1000 }, result);
  if (hasPassed) await rm(folder, { recursive: true, force: true });
  return hasPassed;
}

/** Buckets and topics of one seed, also when it is repeated on the same servers. */
function suffixOf(seed: number): string {
  const unique = randomToken(6)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "0");
  return `${seed}-${unique}`;
}

function countUp(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

function whole(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number from 1.");
}

function readWorld(text: string): Options["world"] {
  const known = [...worldKinds, "both" as const].find((kind) => kind === text);
  if (known !== undefined) return known;
  throw new InvalidArgumentError(`expected ${worldKinds.join(", ")} or both.`);
}
