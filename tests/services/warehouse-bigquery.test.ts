import { describe, expect, it } from "@jest/globals";
import type { TableSpec } from "../../warehouse/warehouse.ts";
import { type Deviations, type WarehouseSetup, warehouseConformance } from "../conformance/warehouse.ts";
import { bigqueryProject } from "./bigquery-project.ts";
import { describeWithServices } from "./servers.ts";

/** What the server does not do as BigQuery's documentation says. */
const byAnyWay: Deviations = {
  "refuses a merge with several source rows for one target row": "the server takes one of them",
  "fills a column that is new": "the server widens a table's description only, not the table",
  "counts the rows of a script's last statement": "the server lists no child jobs of a script",
};
const byJob: Deviations = {
  ...byAnyWay,
  "counts the rows of each load": "the server tells the rows of the whole table as those of the load",
  "notes when each row was loaded": "the server knows no default values",
  "refuses a fraction for a whole number": "the server rounds it",
  "refuses no value where one is required": "the server knows no REQUIRED",
  "refuses a key that is no column": "the server drops it, whatever ignoreUnknownValues says",
  "loads nothing of files of which one does not fit": "the server loads one file after the other",
};
const byStream: Deviations = {
  ...byAnyWay,
  "loads records in arrays": "the server cannot take a RECORD from a stream, and counts it as written",
};

const customers: TableSpec = {
  name: "customer",
  description: "One row per customer.",
  columns: [
    { name: "customer_id", type: "STRING", mode: "REQUIRED", description: "Identity." },
    { name: "snapshot_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When." },
  ],
  partitionBy: "snapshot_at",
  clusterBy: ["customer_id"],
};

describeWithServices("BigQuery", ["bigquery", "gcs"], (services) => {
  warehouseConformance("BigQuery by load jobs", () => bigqueryProject(services, "load"), byJob);
  warehouseConformance("BigQuery by streams", () => bigqueryProject(services, "stream"), byStream);

  describe.each(["load", "stream"] as const)("loads by several processes (%s)", (mode) => {
    const rows = (name: string, ...ids: string[]) =>
      ids
        .map((customer_id) => ({ customer_id, snapshot_at: "2026-01-31T10:00:00Z", _segment: name }))
        .map((row) => `${JSON.stringify(row)}\n`)
        .join("");

    async function projectWithTable() {
      const setup = await bigqueryProject(services, mode);
      await setup.warehouse.ensureTables("raw", [customers]);
      return setup;
    }
    async function loadedBy({ warehouse }: WarehouseSetup) {
      const found = await warehouse.query("select customer_id from raw.customer order by 1");
      return found.rows.map(({ customer_id }) => customer_id);
    }

    it("write nothing of what a predecessor wrote", async () => {
      const first = await projectWithTable();
      const second = await bigqueryProject(services, mode, first.warehouse.project);
      const a = await first.write("a", rows("a", "c1", "c2"));
      const b = await first.write("b", rows("b", "c3"));
      await first.warehouse.load("raw", customers, [a]);
      await first.warehouse.close();
      expect((await second.warehouse.load("raw", customers, [a])).rows).toBe(0);
      await second.warehouse.load("raw", customers, [a, b]);
      expect(await loadedBy(second)).toEqual(["c1", "c2", "c3"]);
      await second.close();
    });

    it("write again what went with its table", async () => {
      const first = await projectWithTable();
      const a = await first.write("a", rows("a", "c1", "c2"));
      await first.warehouse.load("raw", customers, [a]);
      for (const _ of [1, 2]) {
        await first.warehouse.execute("drop table raw.customer");
        await first.warehouse.ensureTables("raw", [customers]);
        await first.warehouse.load("raw", customers, [a]);
        expect(await loadedBy(first)).toEqual(["c1", "c2"]);
      }
      await first.close();
    });
  });

  it("loads the same files once when several processes load them at the same moment", async () => {
    const first = await bigqueryProject(services, "load");
    const others = await Promise.all(
      [1, 2, 3].map(() => bigqueryProject(services, "load", first.warehouse.project)),
    );
    await first.warehouse.ensureTables("raw", [customers]);
    const row = { customer_id: "c", snapshot_at: "2026-01-31T10:00:00Z", _segment: "a" };
    const a = await first.write("a", `${JSON.stringify(row)}\n`.repeat(20_000));
    const all = [first, ...others];
    await Promise.all(all.map(({ warehouse }) => warehouse.load("raw", customers, [a])));
    const { rows } = await first.warehouse.query("select count(*) as n from raw.customer");
    expect(rows).toEqual([{ n: 20_000 }]);
    for (const one of all) await one.close();
  });

  it("counts the loads of a table", async () => {
    const { warehouse, write, close } = await bigqueryProject(services, "load");
    await warehouse.ensureTables("raw", [customers]);
    const row = { customer_id: "c", snapshot_at: "2026-01-31T10:00:00Z" };
    for (const name of ["a", "b"]) {
      const file = await write(name, `${JSON.stringify({ ...row, _segment: name })}\n`);
      await warehouse.load("raw", customers, [file]);
    }
    expect(await warehouse.loadQuota("raw", "customer")).toEqual({ used: 2, limit: 1500 });
    const another = await bigqueryProject(services, "load", warehouse.project);
    expect(await another.warehouse.loadQuota("raw", "customer")).toEqual({ used: 2, limit: 1500 });
    await another.close();
    await close();
  });
});
