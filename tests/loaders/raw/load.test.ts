import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { pino } from "pino";
import { silentLog } from "../../../core/log.ts";
import { createMetrics } from "../../../core/metrics.ts";
import type { Row } from "../../../core/rows.ts";
import { shapeOf, type TableName } from "../../../core/rows.ts";
import { folderLake } from "../../../lake/folder.ts";
import type { Lake } from "../../../lake/lake.ts";
import { segmentKey } from "../../../lake/layout.ts";
import { type LoadEnvironment, load } from "../../../loaders/raw/load.ts";
import { duckdbWarehouse } from "../../../warehouse/duckdb.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";
import { keysBelow } from "../../platform.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

const day = new Date("2026-01-31T10:00:00.000Z");
const customer = (id: string): Row<"customer"> => ({
  event_id: `1/${id}`,
  customer_id: id,
  snapshot_at: day.toISOString(),
  name: id,
  plan: null,
  country: null,
  is_active: true,
});

let events: Lake;
let warehouse: Warehouse;
let env: LoadEnvironment;

beforeEach(async () => {
  events = folderLake({ root: await temporaryFolder() });
  warehouse = await duckdbWarehouse({ path: ":memory:", project: "darkroom" });
  env = { events, warehouse, log: silentLog, metrics: createMetrics() };
});
afterEach(() => warehouse.close());

async function segment(
  name: string,
  rows: readonly unknown[],
  table: TableName = "customer",
  shape = shapeOf(table),
) {
  const lines = rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`).join("");
  await events.create(segmentKey(table, day, `${name}.${shape}`), Buffer.from(lines));
}

const ids = async () =>
  (
    await warehouse.query("select customer_id, _segment from raw.customer order by _segment, customer_id")
  ).rows.map((row) => row.customer_id);
const rejections = async () =>
  (
    await warehouse.query(
      "select stage, reason, source_ref, message from raw.image_rejected order by source_ref",
    )
  ).rows;

describe("raw loader", () => {
  it("loads each segment once, however often it runs", async () => {
    await segment("a", [customer("c1"), customer("c2")]);
    expect(await load(env)).toEqual({ rows: 2, segments: 1 });
    expect(await load(env)).toEqual({ rows: 0, segments: 0 });
    await segment("b", [customer("c3")]);
    expect(await load(env)).toEqual({ rows: 1, segments: 1 });
    expect(await ids()).toEqual(["c1", "c2", "c3"]);
  });

  it("loads each segment once when two loaders run at once", async () => {
    for (let n = 0; n < 20; n++) await segment(`s${n}`, [customer(`c${n}`)]);
    const rows = (await Promise.all([load(env), load(env), load(env)])).map((summary) => summary.rows);
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(20);
    expect(await ids()).toHaveLength(20);
  });

  it("makes the tables when there is nothing to load", async () => {
    expect(await load(env)).toEqual({ rows: 0, segments: 0 });
    expect(await warehouse.relations()).toHaveLength(6);
  });

  it("loads what fits of a newer writer's segment, and turns the rest into rejections", async () => {
    const newer = { ...customer("c2"), loyalty: "gold" };
    await segment("a", [customer("c1"), newer, "{broken", customer("c3")], "customer", "0badcafe");
    await load(env);
    await load(env);
    expect(await ids()).toEqual(["c1", "c3"]);
    expect(await rejections()).toEqual([
      expect.objectContaining({
        stage: "load",
        reason: "unknown_shape",
        source_ref: expect.stringMatching(/a\.0badcafe\.ndjson:2$/),
        message: expect.stringContaining("loyalty"),
      }),
      expect.objectContaining({ source_ref: expect.stringMatching(/:3$/), message: "the line is not JSON" }),
    ]);
    expect(await load(env)).toEqual({ rows: 0, segments: 0 });
  });

  it("takes an older writer's rows, whose missing columns are null", async () => {
    const { plan: _plan, country: _country, ...older } = customer("c1");
    await segment("a", [older], "customer", "00000000");
    await load(env);
    expect((await warehouse.query("select customer_id, plan from raw.customer")).rows).toEqual([
      { customer_id: "c1", plan: null },
    ]);
  });

  it("reads a segment of the known shape row by row when a row of it does not fit, and says so", async () => {
    const said: string[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void said.push(line) });
    await segment("a", [customer("c1"), { ...customer("c2"), is_active: "perhaps" }]);
    await segment("b", [customer("c3")]);
    await load({ ...env, log });
    expect(await ids()).toEqual(["c1", "c3"]);
    expect(said.join()).toContain("row by row");
  });

  it("gives the same rows again into an empty warehouse", async () => {
    await segment("a", [customer("c1"), { ...customer("c2"), extra: 1 }], "customer", "0badcafe");
    await segment("b", [customer("c3")]);
    await load(env);
    const before = [await ids(), await rejections()];
    const again = await duckdbWarehouse({ path: ":memory:", project: "darkroom" });
    await load({ ...env, warehouse: again });
    await warehouse.close();
    warehouse = again;
    expect([await ids(), await rejections()]).toEqual(before);
    expect(await keysBelow(events, "mended/")).toHaveLength(1);
  });
});
