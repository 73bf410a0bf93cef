/** One of darkroom's processes under a supervisor: whatever ends it, it is started again until it is told to stop. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { exitCodes } from "../cli/command.ts";
import { childEnvironment } from "../core/config.ts";
import { Unavailable } from "../core/errors.ts";
import type { CommandResult } from "./judge.ts";

const darkroom = fileURLToPath(new URL("../cli/darkroom.cjs", import.meta.url));

/** A supervisor's usual patience. */
const restartMs = 200;
/** `up` finishes what it is at: a loader the models, and then those of what came meanwhile. Beyond that it hangs. */
const stopWithinMs = 60_000;
/** Faults may keep a process from becoming ready; it does what it can all the same. */
const besideWithinMs = 4000;

export interface Place {
  /** Working folder; logs go below it. */
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Kills every process that was started here. */
  readonly over: AbortSignal;
}

export interface Program {
  readonly name: string;
  /** Of its probes, or of its door. */
  readonly url: string;
  /** Resolves when it says that it is ready. Throws `Unavailable` after `withinMs`. */
  ready(withinMs: number): Promise<void>;
  /** A number of its metrics, the sum over labels; undefined while it cannot be asked. */
  metric(name: string): Promise<number | undefined>;
  /** SIGKILL; the supervisor starts it again. */
  kill(): void;
  /** SIGSTOP until the next `resume`. */
  pause(): void;
  resume(): void;
  /** SIGTERM, and no start again. Resolves with what is wrong with its end, or undefined. */
  stop(): Promise<string | undefined>;
  /** Resolves when it has ended and is not started again, because it was stopped or its world is over. */
  gone(): Promise<void>;
  /** Ends that nobody asked for, for example `worker ended by itself with 3`: what it needs was unavailable. */
  readonly ends: readonly string[];
  /** Such ends with any other code: no fault from outside excuses them. */
  readonly crashes: readonly string[];
}

/** Starts `darkroom up --only PARTS` on the port and keeps it running. */
export function superviseProgram(name: string, parts: string, port: number, place: Place): Program {
  const url = `http://127.0.0.1:${port}`;
  const ends: string[] = [];
  const crashes: string[] = [];
  let isWanted = true;
  let isExpected = false;
  let child = start();

  function start(): ChildProcess {
    const settings = { ...place.settings, DARKROOM_PORT: String(port) };
    const started = startDarkroom(["up", "--only", parts], { ...place, settings }, `${name}.log`);
    isExpected = false;
    started.once("exit", (code, signal) => void afterEnd(code ?? signal));
    return started;
  }

  async function afterEnd(how: number | string | null): Promise<void> {
    if (!isExpected && !place.over.aborted) {
      (how === exitCodes.unavailable ? ends : crashes).push(`${name} ended by itself with ${how}`);
    }
    await sleep(restartMs);
    if (isWanted && !place.over.aborted) child = start();
  }

  const signal = (one: NodeJS.Signals) => {
    if (!hasEnded(child)) child.kill(one);
  };

  return {
    name,
    url,
    ends,
    crashes,
    async ready(withinMs) {
      if (await becomesReady(url, withinMs)) return;
      throw new Unavailable(`${name} is not ready after ${Math.round(withinMs / 1000)} s`);
    },
    async metric(metric) {
      const text = await answerOf(`${url}/metrics`);
      return text === undefined ? undefined : sumOf(metric, text);
    },
    kill() {
      isExpected = true;
      signal("SIGKILL");
    },
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    async stop() {
      isWanted = false;
      if (hasEnded(child)) return `${name} was not running when it was told to stop`;
      isExpected = true;
      signal("SIGTERM");
      const code = await Promise.race([endOf(child), sleep(stopWithinMs, "never" as const, { ref: false })]);
      if (code === 0) return undefined;
      if (code !== "never") return `${name} ended with ${code} when it was told to stop`;
      signal("SIGKILL");
      return `${name} had not ended ${stopWithinMs / 1000} s after it was told to stop`;
    },
    async gone() {
      await endOf(child);
    },
  };
}

/** Runs a command to its end; its last line is read as JSON. Standard error goes to a log. */
export async function runDarkroom(args: readonly string[], place: Place): Promise<CommandResult> {
  const child = startDarkroom([...args, "--json"], place, "commands.log");
  const out: Buffer[] = [];
  child.stdout?.on("data", (chunk) => out.push(chunk));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { command: args.join(" "), code, json: lastJson(Buffer.concat(out).toString("utf8")) };
}

/** Starts a second process of a kind beside the supervised one, and waits until it works; ended with SIGKILL. */
export async function startBeside(
  parts: string,
  port: number,
  place: Place,
): Promise<{ readonly isReady: boolean; kill(): Promise<void> }> {
  const settings = { ...place.settings, DARKROOM_PORT: String(port) };
  const child = startDarkroom(["up", "--only", parts], { ...place, settings }, "beside.log");
  return {
    isReady: await becomesReady(`http://127.0.0.1:${port}`, besideWithinMs),
    async kill() {
      child.kill("SIGKILL");
      await endOf(child);
    },
  };
}

async function becomesReady(url: string, withinMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  while (performance.now() < deadlineMs) {
    if ((await answerOf(`${url}/readyz`)) !== undefined) return true;
    await sleep(50);
  }
  return false;
}

function startDarkroom(
  args: readonly string[],
  { folder, settings, over }: Place,
  log: string,
): ChildProcess {
  const errors = openSync(join(folder, log), "a");
  try {
    const isCommand = args.includes("--json");
    const child = spawn(process.execPath, [darkroom, ...args], {
      cwd: folder,
      env: { ...withoutSettings(), ...settings },
      stdio: ["ignore", isCommand ? "pipe" : "ignore", errors],
      signal: over,
      killSignal: "SIGKILL",
    });
    // Its exit tells all; this tells only that it was killed.
    child.on("error", () => undefined);
    return child;
  } finally {
    closeSync(errors);
  }
}

function withoutSettings(): Readonly<Record<string, string | undefined>> {
  const entries = Object.entries(childEnvironment({}));
  return Object.fromEntries(entries.filter(([name]) => !/^(DARKROOM_|NODE_OPTIONS$)/.test(name)));
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function endOf(child: ChildProcess): Promise<number | string | null> {
  if (hasEnded(child)) return Promise.resolve(child.exitCode ?? child.signalCode);
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
}

async function answerOf(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    const text = await response.text();
    return response.ok ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Prometheus' text form: a line a set of labels, `NAME{LABELS} VALUE`. */
function sumOf(metric: string, text: string): number {
  const lines = text
    .split("\n")
    .filter((line) => line.startsWith(metric) && /^[ {]/.test(line.slice(metric.length)));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

function lastJson(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
  } catch {
    return undefined;
  }
}
