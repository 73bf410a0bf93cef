/** What tells a process from a later one with the same number: when it started, by the operating system's own account. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { hasCode } from "../../core/errors.ts";

export interface ProcessIdentity {
  readonly identity: string;
  readonly isPaused: boolean;
}

const hasProc = existsSync("/proc/self/stat");

/** Nothing when no such process runs; one that has ended and whose parent has not looked yet does not run. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  return hasProc ? identityFromProc(pid) : identityFromPs(pid);
}

/**
 * Linux, proc_pid_stat(5): after the name in parentheses, field 3 is the state, field 20 the number of threads and field 22 the
 * start in ticks since boot. While threads are left, a killed process still holds its ports, though its first thread is dead.
 */
function identityFromProc(pid: number): ProcessIdentity | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const hasThreads = Number(fields[17]) > 1;
    return identity(String(fields[0]), `ticks ${fields[19]}`, hasThreads);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}

/** macOS and others: ps(1) with POSIX formats; `lstart` is to the second, which a recycled number does not reach in practice. */
function identityFromPs(pid: number): ProcessIdentity | undefined {
  const { stdout, status } = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
    encoding: "utf8",
  });
  if (status !== 0) return undefined;
  const [state = "", ...started] = stdout.trim().split(/\s+/);
  return identity(state, started.join(" "));
}

function identity(state: string, started: string, hasThreads = false): ProcessIdentity | undefined {
  if (/^[ZX]/.test(state) && !hasThreads) return undefined;
  return { identity: started, isPaused: /^[Tt]/.test(state) };
}
