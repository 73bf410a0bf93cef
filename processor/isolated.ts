/**
 * A processor in a child process: strangers' bytes are decoded by native code, which may crash or hang. Then only the child dies,
 * the images it had are tried again, and the next one starts a new child.
 */

import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { childEnvironment } from "../core/config.ts";
import { Refused, Unavailable } from "../core/errors.ts";
import type { Developed, ProcessingLimits, Processor, Recipe } from "./processor.ts";

/** What the parent asks. */
export interface Request {
  readonly id: number;
  readonly original: Uint8Array;
  readonly recipe: Recipe;
}

/** What the child says: who it is when it is ready, then an answer a request. */
export type Reply =
  | { readonly kind: "ready"; readonly name: string; readonly version: string }
  | { readonly kind: "developed"; readonly id: number; readonly developed: Developed }
  | {
      readonly kind: "refused";
      readonly id: number;
      readonly reason: string;
      readonly message: string;
      readonly expected: string;
    }
  | { readonly kind: "failed"; readonly id: number; readonly message: string };

interface Waiting {
  readonly resolve: (developed: Developed) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

const typeScriptLoader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const script = fileURLToPath(new URL("./isolated-child.ts", import.meta.url));

/**
 * Allocator settings that must be there when a process starts. glibc keeps an arena a thread, and pictures of all sizes leave each
 * of them full of holes: with two arenas, and large blocks given back at once, the process stays at a third less memory.
 */
const allocator = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "1048576",
  MALLOC_TRIM_THRESHOLD_: "1048576",
};

/** The child is stopped when it has said nothing for so long after libvips' own limit. */
const graceMs = 10_000;

/** A processor in a child of this process; the child ends with it. Throws `Unavailable` when none can be started. */
export async function isolatedProcessor(
  options: ProcessingLimits & { readonly script?: string },
): Promise<Processor> {
  let child = await startChild(options);
  const { name, version } = child;
  let restarting: Promise<Child> | undefined;

  /** One child at a time, however many ask while it starts. */
  async function living(): Promise<Child> {
    if (!child.hasEnded()) return child;
    restarting ??= startChild(options).finally(() => {
      restarting = undefined;
    });
    child = await restarting;
    return child;
  }

  return {
    name,
    version,
    process: async (original, recipe) => (await living()).process(original, recipe),
  };
}

interface Child {
  readonly name: string;
  readonly version: string;
  hasEnded(): boolean;
  process(original: Uint8Array, recipe: Recipe): Promise<Developed>;
}

async function startChild(options: ProcessingLimits & { readonly script?: string }): Promise<Child> {
  const running = fork(options.script ?? script, [JSON.stringify(options)], {
    execArgv: ["--import", typeScriptLoader],
    env: childEnvironment(allocator),
    serialization: "advanced",
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const waiting = new Map<number, Waiting>();
  let ended: string | undefined;
  let count = 0;

  const ready = new Promise<{ name: string; version: string }>((resolve, reject) => {
    running.on("message", (reply: Reply) => {
      if (reply.kind === "ready") resolve(reply);
      else settle(reply);
    });
    running.on("error", (error) => end(error.message));
    running.once("exit", (code, signal) => end(`it ended with ${signal ?? code}`));
    function end(reason: string): void {
      ended = reason;
      const error = new Unavailable(`the processor's process is gone: ${reason}`);
      reject(error);
      for (const { reject: rejectOne, timer } of waiting.values()) {
        clearTimeout(timer);
        rejectOne(error);
      }
      waiting.clear();
    }
  });

  function settle(reply: Exclude<Reply, { kind: "ready" }>): void {
    const one = waiting.get(reply.id);
    if (one === undefined) return;
    waiting.delete(reply.id);
    clearTimeout(one.timer);
    if (waiting.size === 0) letGo(running);
    if (reply.kind === "developed") one.resolve(reply.developed);
    else if (reply.kind === "refused") one.reject(new Refused(reply.reason, reply.message, reply.expected));
    else one.reject(new Unavailable(reply.message));
  }

  const identity = await ready;
  letGo(running);
  return {
    ...identity,
    hasEnded: () => ended !== undefined,
    process: (original, recipe) =>
      new Promise((resolve, reject) => {
        const id = ++count;
        const timer = setTimeout(() => running.kill("SIGKILL"), options.timeoutMs + graceMs);
        waiting.set(id, { resolve, reject, timer });
        running.channel?.ref();
        const request: Request = { id, original, recipe };
        // What cannot be sent any more is answered by the end of the child.
        running.send(request, undefined, undefined, () => undefined);
      }),
  };
}

/** An idle child does not keep this process alive; when this process ends, the channel closes and the child ends too. */
function letGo(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
}
