/** A process and all it starts, watched from outside (Linux: from /proc): time, CPU, and memory of the whole tree. */

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";

export interface TreeUse {
  /** The last line of standard output. */
  readonly lastLine: string;
  readonly cpuMs: number;
  /** The most that the tree held at one moment; pages that several processes share count once (PSS). */
  readonly peakMb: number;
}

const sampleEveryMs = 200;
/** Clock ticks a second in /proc/PID/stat: 100 on every Linux that Node.js runs on. */
const ticksPerSecond = 100;

/** Runs a Node.js program to its end. Rejects with what it said on standard error when it fails. */
export function runTree(args: readonly string[], env: NodeJS.ProcessEnv): Promise<TreeUse> {
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", error: "" };
  child.stdout.on("data", (chunk) => (said.out += chunk));
  child.stderr.on("data", (chunk) => (said.error += chunk));
  const cpuOf = new Map<number, number>();
  let peakMb = 0;
  const sampler = setInterval(() => {
    const tree = treeOf(Number(child.pid));
    peakMb = Math.max(
      peakMb,
      tree.reduce((sum, pid) => sum + memoryMb(pid), 0),
    );
    for (const pid of tree) cpuOf.set(pid, Math.max(cpuOf.get(pid) ?? 0, cpuMs(pid)));
  }, sampleEveryMs);
  return new Promise((resolve, reject) => {
    child.on("close", (code) => {
      clearInterval(sampler);
      const sumCpuMs = [...cpuOf.values()].reduce((sum, ms) => sum + ms, 0);
      if (code === 0)
        resolve({ lastLine: said.out.trimEnd().split("\n").at(-1) ?? "", cpuMs: sumCpuMs, peakMb });
      else reject(new TypeError(`${args.join(" ")} ended with ${code}: ${said.error}`));
    });
  });
}

export interface ResidentPeak {
  /** The script that the process runs, or its program. */
  readonly name: string;
  readonly peakMb: number;
}

/** Watches how much memory is resident in each process of a tree; the result holds the most that each ever had. */
export function watchResident(root: number): () => readonly ResidentPeak[] {
  const peaks = new Map<number, ResidentPeak>();
  const look = () => {
    for (const pid of treeOf(root)) {
      const peakMb = Number(/^VmHWM:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
      if (peakMb > 0) peaks.set(pid, { name: nameOf(pid), peakMb });
    }
  };
  const timer = setInterval(look, sampleEveryMs);
  return () => {
    clearInterval(timer);
    look();
    return [...peaks.values()];
  };
}

function nameOf(pid: number): string {
  const words = read(`/proc/${pid}/cmdline`).split("\0");
  const script = words.find((word) => /\.(c?js|m?ts)$/.test(word) && !word.includes("node_modules"));
  return basename(script ?? words[0] ?? "");
}

function treeOf(root: number): readonly number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: Number(statOf(Number(name))[1]) }));
  const tree = [root];
  for (const pid of tree) tree.push(...parents.filter(({ parent }) => parent === pid).map((one) => one.pid));
  return tree;
}

/** The fields of /proc/PID/stat from the third on; none when the process is gone. */
function statOf(pid: number): readonly string[] {
  return read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ");
}

function cpuMs(pid: number): number {
  const fields = statOf(pid);
  return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond) * 1000;
}

function memoryMb(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
