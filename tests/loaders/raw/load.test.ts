import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { pino } from "pino";
import { Refused } from "../../../core/errors.ts";
import { silentLog } from "../../../core/log.ts";
import { createMetrics } from "../../../core/metrics.ts";
import type { Row } from "../../../core/rows.ts";
import { shapeOf, type TableName } from "../../../core/rows.ts";
import { folderLake } from "../../../lake/folder.ts";
import type { Lake } from "../../../lake/lake.ts";
import { segmentKey, segmentName } from "../../../lake/layout.ts";
import { segmentText } from "../../../lake/segments.ts";
import { type LoadEnvironment, load } from "../../../loaders/raw/load.ts";
import { duckdbWarehouse } from "../../../warehouse/duckdb.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";
import { type ManualClock, manualClock } from "../../manual-clock.ts";
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
let clock: ManualClock;

beforeEach(async () => {
  events = folderLake({ root: await temporaryFolder() });
  warehouse = await duckdbWarehouse({ path: ":memory:", project: "darkroom" });
  clock = manualClock("2026-01-31T11:00:00.000Z");
  env = { events, warehouse, clock, log: silentLog, metrics: createMetrics() };
});
afterEach(() => warehouse.close());

async function segment(
  name: string,
  rows: readonly unknown[],
  table: TableName = "customer",
  shape = shapeOf(table),
) {
  const key = segmentKey(table, day, `${name}.${shape}`);
  const lines = rows.map((row) => (typeof row === "string" ? row : JSON.stringify(row)));
  await events.create(key, Buffer.from(segmentText(lines, segmentName(key))));
}

const ids = async () =>
  (
    await warehouse.query("select customer_id, _segment from raw.customer order by _segment, customer_id")
  ).rows.map((row) => row.customer_id);
/** The warehouse, which refuses a load of these names when `isRefusing`. */
const refusingWhile = (isRefusing: (names: readonly string[]) => boolean): Warehouse =>
  new Proxy(warehouse, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      const load: Warehouse["load"] = async (dataset, table, segments) => {
        if (isRefusing(segments.map((one) => one.name)))
          throw new Refused("unfit", "not today", "another day");
        return target.load(dataset, table, segments);
      };
      if (name === "load") return load;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
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

  it("does not look at days again that are long loaded, unless it is asked to", async () => {
    await segment("a", [customer("c1")]);
    await load(env);
    clock.advance(5 * 86_400_000);
    await load(env);
    await segment("late", [customer("c2")]);
    expect(await load(env)).toEqual({ rows: 0, segments: 0 });
    expect(await load(env, { isFull: true })).toEqual({ rows: 1, segments: 1 });
    expect(await ids()).toEqual(["c1", "c2"]);
  });

  it("looks at a day again while a segment of it cannot be loaded", async () => {
    await segment("a", [customer("c1")]);
    clock.advance(5 * 86_400_000);
    let isRefusing = true;
    const refusing = refusingWhile(() => isRefusing);
    await load({ ...env, warehouse: refusing });
    isRefusing = false;
    expect(await load({ ...env, warehouse: refusing })).toEqual({ rows: 1, segments: 1 });
  });

  it("finds the one that cannot be loaded with few loads, since loads are counted", async () => {
    const names = Array.from({ length: 64 }, (_, index) => String(index).padStart(2, "0"));
    for (const name of names) await segment(name, [customer(name)], "customer", "00000000");
    let loads = 0;
    const refusing = refusingWhile((asked) => {
      loads += 1;
      return asked.some((name) => name.includes("37.0"));
    });
    expect(await load({ ...env, warehouse: refusing })).toEqual({ rows: 63, segments: 64 });
    expect(await ids()).toEqual(names.filter((name) => name !== "37"));
    expect(loads).toBe(13);
  });

  it("leaves the tables whose turn has not come", async () => {
    await segment("a", [customer("c1")]);
    const asked: string[] = [];
    const isDue = (table: string, { limit }: { limit: number }) => {
      asked.push(`${table} ${limit}`);
      return table !== "customer";
    };
    expect(await load(env, { isDue })).toEqual({ rows: 0, segments: 0 });
    expect(asked).toContain("customer Infinity");
  });

  it("does not count what darkroom noted of its own runs as news, and tells of it", async () => {
    await segment(
      "a",
      [
        {
          event_id: "r/load/customer",
          run_id: "r",
          kind: "load",
          name: "customer",
          started_at: day.toISOString(),
          ended_at: day.toISOString(),
          outcome: "done",
          rows: 1,
          message: null,
          bytes_billed: 0,
        },
      ],
      "pipeline_run",
    );
    const told: string[] = [];
    const summary = await load(env, { onTable: ({ table, rows }) => told.push(`${table} ${rows}`) });
    expect(summary).toEqual({ rows: 0, segments: 0 });
    expect(told).toEqual(["pipeline_run 1"]);
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
