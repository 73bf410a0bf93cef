/** The embedded world: folder lakes on a small disk, a journal and DuckDB. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { mountSmallDisk } from "./disk.ts";
import { type Foundation, hurriedSettings, startWorld, type World, type WorldOptions } from "./world.ts";

/** Starts an embedded world; with `needsDisk` its lakes lie on a disk of their own, where one can be mounted. */
export async function startEmbeddedWorld(
  folder: string,
  needsDisk: boolean,
  options: WorldOptions,
): Promise<World> {
  const lakes = join(folder, "lakes");
  await mkdir(lakes, { recursive: true });
  const disk = needsDisk ? await mountSmallDisk(lakes) : { reason: "the plan fills no disk" };
  const settings = {
    ...hurriedSettings,
    DARKROOM_IMAGES: `folder:${join(lakes, "images")}`,
    DARKROOM_EVENTS: `folder:${join(lakes, "events")}`,
    DARKROOM_STREAM: `journal:${join(folder, "stream")}`,
    DARKROOM_WAREHOUSE: `duckdb:${join(folder, "warehouse.duckdb")}`,
    DARKROOM_REFRESH_INTERVAL_MS: "3000",
  };
  const foundation: Foundation = {
    kind: "embedded",
    folder,
    disk,
    calmSettings: settings,
    disturbedSettings: settings,
    async close() {
      if ("unmount" in disk) await disk.unmount();
    },
  };
  return startWorld(foundation, options);
}
