/** What runs, in a file: so that another command, or a test, finds the servers and stops no process but theirs. */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { hasCode, Misconfigured, messageOf } from "../../core/errors.ts";
import { type Ports, portNames } from "./ports.ts";
import { type RunningService, runningServiceSchema } from "./service.ts";

const schema = z.object({
  version: z.literal(1),
  ports: z.record(z.enum(portNames), z.int().min(1).max(65_535)),
  services: z.array(runningServiceSchema),
});

export interface State {
  readonly ports: Ports;
  readonly services: readonly RunningService[];
}

/** Below the checkout, because two checkouts may run servers side by side on different ports. */
export const defaultFolder: string = resolve(".darkroom", "services");

/** Nothing when no servers were started there. Throws `Misconfigured` when the file is not what this version writes. */
export function readState(folder: string): State | undefined {
  const file = stateFile(folder);
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw new Misconfigured([
      `${file} cannot be read (${messageOf(error)}): stop the servers by hand and remove it`,
    ]);
  }
}

/** Written whole or not at all. */
export function writeState(folder: string, state: State): void {
  const file = stateFile(folder);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify({ version: 1, ...state }, undefined, 2)}\n`);
  renameSync(`${file}.${process.pid}`, file);
}

export function removeState(folder: string): void {
  rmSync(stateFile(folder), { force: true });
}

export function stateFile(folder: string): string {
  return join(folder, "state.json");
}
