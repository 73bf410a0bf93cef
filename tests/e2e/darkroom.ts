/** The real command in a process of its own, with folders of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../temporary-folder.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const program = join(root, "cli/darkroom.cjs");

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
  /** The last line of standard output as JSON, or undefined when it is none. */
  readonly json: Record<string, unknown> | undefined;
}

export interface Home {
  readonly folder: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<Ended>;
  /** Starts `up` and waits until it is ready. */
  up(): Promise<ChildProcess>;
}

/** An empty home for the command. */
export async function newHome(settings: Readonly<Record<string, string>> = {}): Promise<Home> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const env = {
    DARKROOM_IMAGES: `folder:${join(folder, "images")}`,
    DARKROOM_EVENTS: `folder:${join(folder, "events")}`,
    DARKROOM_STREAM: `journal:${join(folder, "stream")}`,
    DARKROOM_WAREHOUSE: `duckdb:${join(folder, "warehouse.duckdb")}`,
    DARKROOM_PORT: String(port),
    DARKROOM_LOG_LEVEL: "error",
    ...settings,
  };
  const start = (args: readonly string[]) =>
    spawn(process.execPath, [program, ...args], { cwd: folder, env: { ...withoutSettings(), ...env } });
  return {
    folder,
    port,
    env,
    run: (...args) => ended(start(args)),
    async up() {
      const child = start(["up"]);
      child.stdout.resume();
      child.stderr.on("data", (chunk) => process.stderr.write(chunk));
      await untilReady(port, child);
      return child;
    },
  };
}

/** Resolves when the process is gone. */
export function gone(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("exit", resolve));
}

function ended(child: ReturnType<typeof spawn>): Promise<Ended> {
  const said = { out: "", error: "" };
  child.stdout?.on("data", (chunk) => {
    said.out += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    said.error += chunk;
  });
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ ...said, code, json: lastJson(said.out) }));
  });
}

function lastJson(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
  } catch {
    return undefined;
  }
}

async function untilReady(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function withoutSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(DARKROOM_|NODE_OPTIONS)/.test(name)),
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? Number(address?.port) : 0));
    });
  });
}
