/** Programs that run until they are stopped: servers and consumers under measurement. */

import { type ChildProcess, spawn } from "node:child_process";
import { childEnvironment } from "../core/config.ts";

export interface Program {
  readonly pid: number;
  /** What the pattern found in the line by which it said that it is ready. */
  readonly ready: RegExpExecArray;
  /** Resolves with the first line from now on that the pattern finds. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** SIGTERM; resolves when it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a Node.js program; resolves when a line of its output matches. Rejects with what it said when it ends before that.
 */
export async function startProgram(
  args: readonly string[],
  {
    settings = {},
    readyWhen,
  }: { readonly settings?: Readonly<Record<string, string>>; readonly readyWhen: RegExp },
): Promise<Program> {
  const env = childEnvironment({ UV_THREADPOOL_SIZE: "16", ...settings });
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const line = lineReader(child, args);
  const ready = await line(readyWhen);
  return {
    pid: Number(child.pid),
    ready,
    line,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
    },
  };
}

/** Both outputs are read to the end, since a full pipe would stop the program. */
function lineReader(child: ChildProcess, args: readonly string[]): Program["line"] {
  const waiting = new Set<(text: string, hasEnded: boolean) => void>();
  let recent = "";
  const hear = (chunk: unknown) => {
    recent = (recent + chunk).slice(-20_000);
    for (const look of waiting) look(String(chunk), false);
  };
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  child.on("close", () => {
    for (const look of waiting) look("", true);
  });
  return (pattern) =>
    new Promise((resolve, reject) => {
      let text = "";
      const look = (chunk: string, hasEnded: boolean) => {
        text += chunk;
        const found = pattern.exec(text);
        if (found) resolve(found);
        else if (hasEnded) reject(new TypeError(`${args.join(" ")} ended: ${recent}`));
        else return;
        waiting.delete(look);
      };
      waiting.add(look);
      if (child.exitCode !== null) look("", true);
    });
}
