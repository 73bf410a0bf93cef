import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, it } from "@jest/globals";
import { type Row, type TableName, tables } from "../../core/rows.ts";
import { duckdbWarehouse } from "../../warehouse/duckdb.ts";
import { compileProject } from "../../warehouse/graph/compile.ts";
import { type RunSummary, runGraph } from "../../warehouse/graph/run.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { bigqueryProject } from "./bigquery-project.ts";
import { describeWithServices } from "./servers.ts";

const projectDirectory = fileURLToPath(new URL("../..", import.meta.url));
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 31, 10, 0, seconds)).toISOString();
const sha = "a".repeat(64);

const received = (n: number, customer_id: string): Row<"image_received"> => ({
  event_id: `u${n}`,
  image_id: `u${n}`,
  customer_id,
  source: "upload",
  source_ref: null,
  received_at: at(n),
  declared_type: "image/jpeg",
  file_name: `Größe '${n}'.jpg`,
  size_bytes: 100 + n,
  content_sha256: sha,
  format: n === 3 ? "png" : "jpeg",
});

const processed = (n: number, status: string): Row<"image_processed"> => ({
  event_id: `u${n}/standard/1`,
  image_id: `u${n}`,
  customer_id: "c1",
  recipe: "standard",
  recipe_version: 1,
  status,
  reason: status === "processed" ? null : "damaged",
  message: null,
  attempts: 1,
  started_at: at(n + 5),
  processed_at: at(n + 6),
  duration_ms: 12.5,
  processor: "sharp",
  processor_version: "1",
  format: "jpeg",
  width_px: 10,
  height_px: 20,
  colour_space: "srgb",
  has_alpha: false,
  frames: 1,
  orientation: 1,
  capture_time_local: null,
  perceptual_hash: "00ff",
  content_sha256: sha,
  renditions:
    status === "processed"
      ? [{ name: "thumb", key: "k", media_type: "image/webp", width_px: 1, height_px: 2, size_bytes: 50 }]
      : [],
  labels: [],
});

const rows: { readonly [Name in TableName]?: readonly Row<Name>[] } = {
  // The last one is the first one again, as a redelivery leaves it.
  image_received: [
    received(0, "c1"),
    received(1, "c1"),
    received(2, "c1"),
    received(3, "c2"),
    received(0, "c1"),
  ],
  image_processed: [processed(0, "processed"), processed(1, "processed"), processed(2, "rejected")],
  image_rejected: [
    {
      event_id: "r1",
      stage: "door",
      customer_id: null,
      source: "upload",
      source_ref: null,
      rejected_at: at(9),
      reason: "type_not_allowed",
      message: "no image",
      declared_type: null,
      file_name: null,
      size_bytes: 5,
      content_sha256: sha,
    },
  ],
  customer: [
    {
      event_id: "s/c1",
      customer_id: "c1",
      snapshot_at: at(0),
      name: "One",
      plan: "pro",
      country: "DE",
      is_active: true,
    },
  ],
};

const answers = [
  "select * from reporting.rpt_images_by_customer order by customer_id",
  "select * from reporting.rpt_images_by_type order by image_type, customer_id",
  "select * from marts.fct_images order by image_id",
  "select * from marts.dim_customer order by customer_id",
  "select * from marts.dim_image_type order by image_type",
];

/** Loads the rows of every table from files that `write` puts where the warehouse reads them. */
async function loadAll(warehouse: Warehouse, write: (name: string, text: string) => Promise<string>) {
  await warehouse.ensureTables("raw", tables);
  for (const table of tables) {
    const lines = (rows[table.name] ?? []).map(
      (row) => `${JSON.stringify({ ...row, _segment: table.name })}\n`,
    );
    if (lines.length === 0) continue;
    const url = await write(table.name, lines.join(""));
    await warehouse.load("raw", table, [{ name: table.name, url }]);
  }
}

const faults = ({ actions }: RunSummary) => actions.filter(({ outcome }) => outcome !== "done");

describeWithServices("models on BigQuery", ["bigquery", "gcs"], (services) => {
  it("are made, hold what they promise and answer as on DuckDB", async () => {
    const { warehouse: bigquery, write, close } = await bigqueryProject(services, "load");
    const { project } = bigquery;
    await loadAll(bigquery, async (name, text) => (await write(name, text)).url);
    const files = await temporaryFolder();
    const duckdb = await duckdbWarehouse({ path: ":memory:", project });
    await loadAll(duckdb, async (name, text) => {
      await writeFile(join(files, name), text);
      return pathToFileURL(join(files, name)).href;
    });

    const graph = await compileProject(projectDirectory, { defaultDatabase: project });
    for (const warehouse of [duckdb, bigquery]) expect(faults(await runGraph(graph, warehouse))).toEqual([]);
    for (const sql of answers) {
      const { rows: expected } = await duckdb.query(sql);
      expect(expected.length).toBeGreaterThan(1);
      expect((await bigquery.query(sql)).rows).toEqual(expected);
    }

    // An assertion is worth something only when it can fail.
    await bigquery.execute("delete from marts.fct_images where image_id = 'u0'");
    const reconciliation =
      graph.assertions?.filter(({ target }) => target.name === "reconcile_submissions") ?? [];
    const broken = await runGraph({ ...graph, tables: [], assertions: reconciliation }, bigquery);
    expect(faults(broken)).toMatchObject([
      {
        name: "quality.reconcile_submissions",
        outcome: "failed",
        rows: 1,
        message: expect.stringContaining("c1"),
      },
    ]);
    await close();
    await duckdb.close();
  }, 180_000);
});
