/** A darkroom of its own for a round, on the folder lake, with one customer. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openPlatform } from "../cli/wiring.ts";
import { readConfig } from "../core/config.ts";
import { type Program, startProgram } from "./programs.ts";

export interface BenchPlatform {
  readonly settings: Readonly<Record<string, string>>;
  readonly apiKey: string;
}

export const customerId = "bench";

const program = fileURLToPath(new URL("../cli/darkroom.cjs", import.meta.url));

/** An empty platform in a folder; `more` are settings beside those of the folder. */
export async function newPlatform(
  folder: string,
  more: Readonly<Record<string, string>> = {},
): Promise<BenchPlatform> {
  const settings = {
    DARKROOM_IMAGES: `folder:${join(folder, "images")}`,
    DARKROOM_EVENTS: `folder:${join(folder, "events")}`,
    DARKROOM_STREAM: `journal:${join(folder, "stream")}`,
    DARKROOM_WAREHOUSE: `duckdb:${join(folder, "warehouse.duckdb")}`,
    DARKROOM_PORT: "0",
    ...more,
  };
  const platform = await openPlatform({ config: readConfig(settings), logLevel: "warn" });
  const customer = { customer_id: customerId, name: customerId, plan: null, country: null, is_active: true };
  await platform.customers.upsert([customer]);
  const apiKey = await platform.customers.issueKey(customerId);
  await platform.close();
  return { settings, apiKey };
}

/** `darkroom up --only PARTS`; resolves when it has started. `ready[1]` is its address. */
export function up({ settings }: BenchPlatform, parts: string): Promise<Program> {
  return startProgram([program, "up", "--only", parts], {
    settings,
    readyWhen: /"url":"([^"]+)"[^\n]*"message":"started"/,
  });
}
