/** Installs servers into a cache that checkouts share; a folder there is complete, because it is renamed into place at the end. */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { childEnvironment } from "../../core/config.ts";
import { hasCode, Misconfigured, messageOf, Unavailable } from "../../core/errors.ts";
import { lastLines } from "./process.ts";
import type { ServiceKind, Tool } from "./service.ts";

/** Compilers and downloads wait for different things; more than two at a time only makes each slower. */
const atATime = 2;

export const goTool: Tool = {
  proof: ["go", "version"],
  remedy: "Go, 1.26 or later, or any from 1.21 that may download it (https://go.dev/dl)",
};

/** `$XDG_CACHE_HOME/darkroom/services`, by default below `~/.cache`. */
export function defaultCache(): string {
  const { XDG_CACHE_HOME: cache = "" } = childEnvironment({});
  return join(cache === "" ? join(homedir(), ".cache") : cache, "darkroom", "services");
}

/** True when all of it is there, in the version that is wanted now. */
export function isInstalled(kind: ServiceKind, cache: string): boolean {
  return existsSync(folderOf(kind, cache));
}

/** The folder of a server's programs. Throws `Misconfigured` when it is not installed. */
export function programsOf(kind: ServiceKind, cache: string): string {
  if (isInstalled(kind, cache)) return folderOf(kind, cache);
  throw new Misconfigured([`${kind.title} is not installed below ${cache}: npm run services:install`]);
}

/**
 * Installs what is not installed. Throws `Misconfigured` with every missing program at once, before anything is downloaded, and
 * `Unavailable` when an installation fails; the others are finished first.
 */
export async function installServices(
  kinds: readonly ServiceKind[],
  options: { readonly cache: string; readonly say: (line: string) => void },
): Promise<void> {
  const missing = kinds.filter((kind) => !isInstalled(kind, options.cache));
  await requireTools(missing.flatMap((kind) => kind.installation.tools));
  for (const kind of kinds.filter((kind) => !missing.includes(kind))) {
    options.say(`${kind.name}: ${kind.title} is installed`);
  }
  const waiting = [...missing];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let kind = waiting.shift(); kind !== undefined; kind = waiting.shift()) {
      await installOne(kind, options).catch((error) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  if (failures.length > 0) throw new Unavailable(failures.map(messageOf).join("\n"));
}

async function installOne(
  kind: ServiceKind,
  { cache, say }: { readonly cache: string; readonly say: (line: string) => void },
): Promise<void> {
  const startedMs = performance.now();
  const log = join(cache, `${kind.name}-install.log`);
  say(`${kind.name}: installing ${kind.title} (${kind.installation.takes}) …`);
  await mkdir(cache, { recursive: true });
  await rm(log, { force: true });
  const unfinished = await mkdtemp(join(cache, `.${kind.name}-`));
  try {
    await kind.installation.install(unfinished, (command, args, environment) =>
      runToEnd(command, args, log, environment),
    );
    await renameInto(unfinished, folderOf(kind, cache));
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  say(`${kind.name}: installed in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
}

/** Whoever installs the same at the same time made the same: the first stays. */
async function renameInto(unfinished: string, folder: string): Promise<void> {
  try {
    await rename(unfinished, folder);
  } catch (error) {
    if (!hasCode(error, "EEXIST", "ENOTEMPTY")) throw error;
  }
}

function folderOf(kind: ServiceKind, cache: string): string {
  const hash = createHash("sha256");
  for (const pin of [process.platform, process.arch, ...kind.installation.pins]) hash.update(`${pin}\0`);
  return join(cache, `${kind.name}-${hash.digest("hex").slice(0, 12)}`);
}

async function requireTools(tools: readonly Tool[]): Promise<void> {
  const different = [...new Map(tools.map((tool) => [tool.proof.join(" "), tool])).values()];
  const problems = await Promise.all(
    different.map(async ({ proof: [command, ...args], remedy }) => {
      const problem = await failureOf(command, args, "ignore");
      return problem === undefined ? [] : [`"${[command, ...args].join(" ")}" fails: install ${remedy}`];
    }),
  );
  if (problems.flat().length > 0) throw new Misconfigured(problems.flat());
}

/** Runs a program to its end, output appended to `log`. Throws `Unavailable` with the log's end when it fails. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  log: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  await mkdir(dirname(log), { recursive: true });
  const output = openSync(log, "a");
  try {
    const problem = await failureOf(command, args, output, environment);
    if (problem === undefined) return;
    throw new Unavailable(
      `${command} ${args.join(" ")}: ${problem}; the end of ${log}:\n${lastLines(log, 20)}`,
    );
  } finally {
    closeSync(output);
  }
}

function failureOf(
  command: string,
  args: readonly string[],
  output: "ignore" | number,
  environment: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ["ignore", output, output],
      env: childEnvironment(environment),
    });
    child.once("error", (error) => resolve(messageOf(error)));
    child.once("exit", (code, signal) => resolve(code === 0 ? undefined : `ended with ${code ?? signal}`));
  });
}
