/** Where the arms lie: each is a program of its own. */

import { fileURLToPath } from "node:url";

/** The arguments of Node.js that run an arm. */
export function arm(name: string, ...args: readonly string[]): readonly string[] {
  return ["--import", "tsx", fileURLToPath(new URL(`arms/${name}.ts`, import.meta.url)), ...args];
}
