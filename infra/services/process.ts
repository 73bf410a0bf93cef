/** Server processes that outlive who started them: launch, wait until ready, tell whether alive, pause, stop. */

import { type SpawnOptions, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { childEnvironment } from "../../core/config.ts";
import { Misconfigured, messageOf, Unavailable } from "../../core/errors.ts";
import { identityOf } from "./process-identity.ts";

/** A process as the state file keeps it. */
export interface ServerProcess {
  /** For people, for example `kafka`. */
  readonly name: string;
  readonly pid: number;
  /** What tells it from a later process with the same number. */
  readonly identity: string;
  /** Path of the file with everything that it printed. */
  readonly log: string;
}

export interface Launch {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly log: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

export type Condition = "running" | "paused" | "ended";
export type Signal = "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT";

const probeEveryMs = 50;
const mostCharacters = 300;

/** Starts a process of its own session, its output appended to `log`. Throws `Misconfigured` when it cannot be started. */
export async function launch(options: Launch): Promise<ServerProcess> {
  await mkdir(dirname(options.log), { recursive: true });
  const log = openSync(options.log, "a");
  try {
    const pid = await spawned(options, {
      detached: true,
      stdio: ["ignore", log, log],
      env: childEnvironment(options.environment ?? {}),
      ...(options.directory === undefined ? {} : { cwd: options.directory }),
    });
    return { name: options.name, pid, identity: identityOf(pid)?.identity ?? "ended", log: options.log };
  } finally {
    closeSync(log);
  }
}

function spawned(launch: Launch, options: SpawnOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(launch.command, launch.args, options);
    child.once("error", (error) =>
      reject(new Misconfigured([`${launch.name}: ${launch.command} cannot be started: ${messageOf(error)}`])),
    );
    child.once("spawn", () => {
      child.unref();
      resolve(Number(child.pid));
    });
  });
}

/** What became of it: `ended` also when another process has its number by now. */
export function conditionOf(process: ServerProcess): Condition {
  const found = identityOf(process.pid);
  if (found === undefined || found.identity !== process.identity) return "ended";
  return found.isPaused ? "paused" : "running";
}

/** Sends a signal, unless the process has ended. */
export function send(to: ServerProcess, signal: Signal): void {
  if (conditionOf(to) !== "ended") process.kill(to.pid, signal);
}

/**
 * Waits until `probe` answers true and the processes live a moment longer. An answer alone proves nothing: something else may
 * listen on the port, and the process be about to end because of it. Throws `Unavailable` with the last lines of the log.
 */
export async function untilReady(
  processes: readonly ServerProcess[],
  probe: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  let hasAnswered = false;
  while (performance.now() < deadlineMs) {
    const ended = processes.find((one) => conditionOf(one) === "ended");
    if (ended !== undefined) throw new Unavailable(`${ended.name} ended while it started; ${logEnd(ended)}`);
    if (hasAnswered) return;
    hasAnswered = await answers(probe);
    await sleep(probeEveryMs);
  }
  const names = processes.map(({ name }) => name).join(" and ");
  const logs = processes.map((one) => logEnd(one)).join("\n");
  throw new Unavailable(`${names} did not answer within ${Math.round(timeoutMs / 1000)} s; ${logs}`);
}

async function answers(probe: () => Promise<boolean>): Promise<boolean> {
  try {
    return await probe();
  } catch {
    return false;
  }
}

/** SIGSTOP, and waits until all of its threads stand: connections stay open and nothing answers. */
export async function pauseProcess(process: ServerProcess): Promise<void> {
  send(process, "SIGSTOP");
  if (await becomes(process, ["paused"], 5000)) return;
  throw new Unavailable(
    `${process.name} (process ${process.pid}) is ${conditionOf(process)} 5 s after SIGSTOP`,
  );
}

export async function resumeProcess(process: ServerProcess): Promise<void> {
  send(process, "SIGCONT");
  await becomes(process, ["running", "ended"], 5000);
}

/** SIGTERM, and SIGKILL when it is still there after `graceMs`. A paused process is woken to hear it. */
export async function stopProcess(process: ServerProcess, graceMs = 10_000): Promise<void> {
  send(process, "SIGTERM");
  send(process, "SIGCONT");
  if (await becomes(process, ["ended"], graceMs)) return;
  await killProcess(process);
}

/** SIGKILL, and waits until it is gone. */
export async function killProcess(process: ServerProcess): Promise<void> {
  send(process, "SIGKILL");
  if (!(await becomes(process, ["ended"], 10_000))) {
    throw new Unavailable(`${process.name} (process ${process.pid}) is still there 10 s after SIGKILL`);
  }
}

async function becomes(
  process: ServerProcess,
  wanted: readonly Condition[],
  timeoutMs: number,
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!wanted.includes(conditionOf(process))) {
    if (performance.now() > deadlineMs) return false;
    await sleep(10);
  }
  return true;
}

/** The log's name and its last lines, for a message. */
export function logEnd({ log }: ServerProcess, lines = 10): string {
  const text = lastLines(log, lines);
  return text === "" ? `its log ${log} is empty` : `the end of its log ${log}:\n${text}`;
}

/** The last lines of a text file, long ones cut; empty when there is none. */
export function lastLines(path: string, lines: number): string {
  try {
    const all = readFileSync(path, "utf8").trimEnd().split("\n");
    return all
      .slice(-lines)
      .map((line) => (line.length > mostCharacters ? `${line.slice(0, mostCharacters)}…` : line))
      .join("\n");
  } catch {
    return "";
  }
}
