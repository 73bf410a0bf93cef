/** The content of marts and reports as digests, so that two warehouses can be compared row by row. */

import { sha256 } from "../core/ids.ts";
import type { CompiledGraph } from "../warehouse/graph/graph.ts";
import { nameOf } from "../warehouse/graph/plan.ts";
import { quoted } from "../warehouse/graph/scripts.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";

export interface Content {
  readonly rows: number;
  /** Equal for the same rows in any order, and only for those. */
  readonly digest: string;
}

/** What people read: every model of these datasets is compared. */
const comparedSchemas = new Set(["marts", "reporting"]);

/** The content of every mart and report that is there, by `schema.name`. */
export async function contentsOf(
  graph: CompiledGraph,
  warehouse: Warehouse,
): Promise<ReadonlyMap<string, Content>> {
  const contents = new Map<string, Content>();
  const existing = new Set(
    (await warehouse.relations()).map(({ target }) => `${target.dataset}.${target.name}`),
  );
  for (const { target } of graph.tables ?? []) {
    if (!comparedSchemas.has(target.schema)) continue;
    if (!existing.has(nameOf(target))) continue;
    const { rows } = await warehouse.query(`select * from ${quoted(target)}`);
    const digests = rows.map((row) => sha256(JSON.stringify(row))).sort();
    contents.set(nameOf(target), { rows: rows.length, digest: sha256(digests.join("\n")) });
  }
  return contents;
}
