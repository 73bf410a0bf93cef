/** `darkroom rebuild`: the warehouse again from the lake alone, compared with the one that was there. */

import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import type { Command } from "commander";
import { compileProject } from "../../warehouse/graph/compile.ts";
import { command, execute, type Run } from "../command.ts";
import { type Content, contentsOf } from "../contents.ts";
import { isInOrder, loadSegments, runModels } from "../steps.ts";
import { openWarehouse, projectDirectory } from "../wiring.ts";

interface Built {
  readonly contents: ReadonlyMap<string, Content>;
  readonly rows: number;
  readonly isInOrder: boolean;
}

export function rebuildCommand(): Command {
  return command(
    "rebuild",
    "make the warehouse again from the lake, and compare every mart with what was there",
  ).action((options: { readonly json?: boolean }) => execute(options, rebuild));
}

async function rebuild(run: Run): Promise<boolean> {
  const { platform, output } = run;
  const path = platform.config.DARKROOM_WAREHOUSE.location;
  const before = existsSync(path) ? await build(run, path) : undefined;
  const fresh = `${path}.rebuild`;
  await removeDatabase(fresh);
  const after = await build(run, fresh);
  await removeDatabase(path);
  await rename(fresh, path);

  const tables = [...after.contents].map(([name, content]) => ({
    name,
    rows: content.rows,
    rows_before: before?.contents.get(name)?.rows ?? null,
    is_equal: before === undefined ? null : before.contents.get(name)?.digest === content.digest,
  }));
  output.table(
    ["table", "rows before", "rows now", "content"],
    tables.map((one) => [one.name, one.rows_before, one.rows, verdict(one.is_equal)]),
  );
  output.line(
    before === undefined ? "There was no warehouse to compare with." : `${after.rows} rows loaded again.`,
  );
  output.json({ loaded_rows: after.rows, tables });
  return after.isInOrder && tables.every(({ is_equal }) => is_equal !== false);
}

/** Brings the warehouse at `path` up to date with the lake, and reads its content. */
async function build(run: Run, path: string): Promise<Built> {
  const warehouse = await openWarehouse(path);
  try {
    const platform = { ...run.platform, warehouse: async () => warehouse };
    const { rows } = await loadSegments({ platform });
    const summary = await runModels({ platform, output: run.output });
    const contents = await contentsOf(await compileProject(projectDirectory), warehouse);
    return { contents, rows, isInOrder: isInOrder(summary) };
  } finally {
    await warehouse.close();
  }
}

async function removeDatabase(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(`${path}.wal`, { force: true });
}

function verdict(isEqual: boolean | null): string {
  if (isEqual === null) return "new";
  return isEqual ? "equal" : "DIFFERENT";
}
