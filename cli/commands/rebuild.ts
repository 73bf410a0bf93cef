/** `darkroom rebuild`: the warehouse again from the lake alone, compared with the one that was there. */

import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import type { Command } from "commander";
import { Misconfigured } from "../../core/errors.ts";
import { countUnloaded } from "../../loaders/raw/load.ts";
import { openDuckdb } from "../adapters.ts";
import { command, execute, type Run } from "../command.ts";
import { type Content, contentsOf } from "../contents.ts";
import { isInOrder, loadSegments, runModels } from "../steps.ts";
import { compileModels, defaultProject } from "../wiring.ts";

interface Built {
  readonly contents: ReadonlyMap<string, Content>;
  readonly rows: number;
  readonly isInOrder: boolean;
}

/** What was there, as it was: nothing is loaded or modelled before it is read. */
interface Before {
  readonly contents: ReadonlyMap<string, Content>;
  /** Segments that it had not loaded: with any, differences are to be expected. */
  readonly segmentsBehind: number;
}

export function rebuildCommand(): Command {
  return command(
    "rebuild",
    "make the warehouse again from the lake, and compare every mart with what was there",
  ).action((options: { readonly json?: boolean }) => execute(options, rebuild));
}

async function rebuild(run: Run): Promise<boolean> {
  const { output } = run;
  const { scheme, location: path } = run.platform.config.DARKROOM_WAREHOUSE;
  if (scheme !== "duckdb") {
    throw new Misconfigured([
      "rebuild makes a DuckDB file again; on BigQuery remove the dataset `raw` and run `darkroom refresh`",
    ]);
  }
  const before = existsSync(path) ? await look(run, path) : undefined;
  const fresh = `${path}.rebuild`;
  await removeDatabase(fresh);
  const after = await build(run, fresh);
  const tables = compare(before, after);
  const isSame = tables.every(({ is_equal }) => is_equal !== false);
  if (before !== undefined) await setAside(path, isSame);
  await rename(fresh, path);

  output.table(
    ["table", "rows before", "rows now", "content"],
    tables.map((one) => [one.name, one.rows_before, one.rows, verdict(one.is_equal)]),
  );
  output.line(sentence(before, after, isSame, path));
  const segmentsBehind = before?.segmentsBehind ?? null;
  output.json({
    loaded_rows: after.rows,
    segments_behind: segmentsBehind,
    is_equal: before && isSame,
    tables,
  });
  return after.isInOrder && (isSame || (before?.segmentsBehind ?? 0) > 0);
}

async function look(run: Run, path: string): Promise<Before> {
  const warehouse = await openDuckdb(path, defaultProject);
  try {
    return {
      segmentsBehind: await countUnloaded({ ...run.platform, warehouse }),
      contents: await contentsOf(await compileModels(warehouse), warehouse),
    };
  } finally {
    await warehouse.close();
  }
}

async function build(run: Run, path: string): Promise<Built> {
  const warehouse = await openDuckdb(path, defaultProject);
  try {
    const platform = { ...run.platform, warehouse: async () => warehouse };
    const { rows } = await loadSegments({ platform });
    const summary = await runModels({ platform, output: run.output });
    const contents = await contentsOf(await compileModels(warehouse), warehouse);
    return { contents, rows, isInOrder: isInOrder(summary) };
  } finally {
    await warehouse.close();
  }
}

function compare(before: Before | undefined, after: Built) {
  return [...after.contents].map(([name, content]) => ({
    name,
    rows: content.rows,
    rows_before: before?.contents.get(name)?.rows ?? null,
    is_equal: before === undefined ? null : before.contents.get(name)?.digest === content.digest,
  }));
}

/** What differed is evidence, so it is kept; what was equal is not needed any more. */
async function setAside(path: string, isSame: boolean): Promise<void> {
  await removeDatabase(`${path}.before`);
  if (isSame) await removeDatabase(path);
  else await rename(path, `${path}.before`);
}

function sentence(before: Before | undefined, after: Built, isSame: boolean, path: string): string {
  const loaded = `${after.rows} rows loaded again.`;
  if (before === undefined) return `${loaded} There was no warehouse to compare with.`;
  if (isSame) return `${loaded} Every table has the content it had.`;
  const reason =
    before.segmentsBehind > 0 ? ` It was ${before.segmentsBehind} segments behind the lake.` : "";
  return `${loaded} What was there differed and is kept as ${path}.before.${reason}`;
}

async function removeDatabase(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(`${path}.wal`, { force: true });
}

function verdict(isEqual: boolean | null): string {
  if (isEqual === null) return "new";
  return isEqual ? "equal" : "DIFFERENT";
}
