/** `darkroom query SQL`: one question to the warehouse, in BigQuery's dialect. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { Unavailable } from "../../core/errors.ts";
import type { Value } from "../../warehouse/warehouse.ts";
import { command, execute } from "../command.ts";
import type { Cell } from "../output.ts";

export function queryCommand(): Command {
  return command("query", "answer a query in BigQuery's dialect")
    .argument("<sql>", "for example: select * from reporting.rpt_images_by_customer")
    .action((sql: string, options: { readonly json?: boolean }) =>
      execute(options, async ({ platform, output }) => {
        const { scheme, location } = platform.config.DARKROOM_WAREHOUSE;
        const path = resolve(location);
        if (scheme === "duckdb" && !existsSync(path)) {
          throw new Unavailable(
            `there is no warehouse at ${path} yet: run \`darkroom refresh\` in the folder it belongs to`,
          );
        }
        const { schema, rows } = await (await platform.warehouse()).query(sql);
        const names = schema.map(({ name }) => name);
        if (!output.isJson)
          output.table(
            names,
            rows.map((row) => names.map((name) => cellOf(row[name] ?? null))),
          );
        output.note(`${rows.length} ${rows.length === 1 ? "row" : "rows"}`);
        output.json({ schema, rows });
        return true;
      }),
    );
}

function cellOf(value: Value): Cell {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  return typeof value === "boolean" ? String(value) : JSON.stringify(value);
}
