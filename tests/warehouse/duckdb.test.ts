import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { duckdbWarehouse } from "../../warehouse/duckdb.ts";
import type { TableSpec, Warehouse } from "../../warehouse/warehouse.ts";
import { warehouseConformance } from "../conformance/warehouse.ts";
import { temporaryFolder } from "../temporary-folder.ts";

warehouseConformance("DuckDB", async () => {
  const files = await temporaryFolder();
  const warehouse = await duckdbWarehouse({ path: join(files, "w.duckdb"), project: "darkroom" });
  return {
    warehouse,
    close: () => warehouse.close(),
    write: async (name, text) => {
      const path = join(files, "segments", name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
      return { name, url: pathToFileURL(path).href };
    },
  };
});

const events: TableSpec = {
  name: "events",
  description: "One row per event.",
  columns: [{ name: "at", type: "TIMESTAMP", mode: "REQUIRED", description: "When." }],
  partitionBy: "at",
  clusterBy: [],
};

let folder: string;
let warehouse: Warehouse;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "darkroom-warehouse-"));
  warehouse = await open();
});
afterEach(async () => {
  await warehouse.close().catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

const open = (): Promise<Warehouse> =>
  duckdbWarehouse({ path: join(folder, "new", "w.duckdb"), project: "darkroom" });

describe("load", () => {
  beforeEach(() => warehouse.ensureTables("raw", [events]));

  it("refuses places that are no files", async () => {
    const far = { name: "s", url: "gs://bucket/s.ndjson" };
    await expect(warehouse.load("raw", events, [far])).rejects.toThrow("file://");
  });

  it("refuses a row that carries another segment's name, and one that carries none", async () => {
    for (const row of [{ at: "2026-01-31T10:00:00Z", _segment: "other" }, { at: "2026-01-31T10:00:00Z" }]) {
      const path = join(folder, "s.ndjson");
      await writeFile(path, `${JSON.stringify(row)}\n`);
      const loaded = warehouse.load("raw", events, [{ name: "s", url: pathToFileURL(path).href }]);
      await expect(loaded).rejects.toThrow("does not carry its segment");
    }
    expect((await warehouse.loadedSegments("raw", events)).names.size).toBe(0);
  });

  it("has no quota", async () => {
    expect(await warehouse.loadQuota("raw", "events")).toEqual({ used: 0, limit: Number.POSITIVE_INFINITY });
  });
});

describe("execute", () => {
  beforeEach(() => warehouse.execute("create schema if not exists darkroom.marts"));

  it("replaces a view by a table and back", async () => {
    await warehouse.execute("create or replace view marts.t as select 1 as x");
    await warehouse.execute("create or replace table marts.t as select 2 as x");
    await warehouse.execute("create or replace view marts.t as select 3 as x");
    expect((await warehouse.query("select x from marts.t")).rows).toEqual([{ x: 3 }]);
    expect((await warehouse.relations()).map(({ kind }) => kind)).toEqual(["view"]);
  });

  it("leaves everything as it was when a statement fails", async () => {
    await warehouse.execute("create or replace table marts.t as select 1 as x");
    const script = "create or replace table marts.t as select 2 as x; insert into marts.t select div(1, 0)";
    await expect(warehouse.execute(script)).rejects.toMatchObject({ reason: "query_failed" });
    expect((await warehouse.query("select x from marts.t")).rows).toEqual([{ x: 1 }]);
  });

  it("merges the elements of an array of structs", async () => {
    await warehouse.execute("create or replace table marts.t as select 1 as k, 'a' as v");
    const merged = await warehouse.execute(`
      merge marts.t target using (select * from unnest([struct(1 as k, 'b' as v), (2, 'c')])) source
      on target.k = source.k
      when matched then update set k = source.k, v = source.v
      when not matched then insert (k, v) values (k, v)`);
    expect(merged).toEqual({ rows: 2, bytesBilled: 0 });
  });

  it("makes an untyped NULL an INT64, and refuses types that BigQuery has not", async () => {
    await warehouse.execute("create or replace table marts.t as select null as x");
    expect((await warehouse.query("select x from marts.t")).schema[0]?.type).toBe("INTEGER");
    await warehouse.execute("insert into marts.t (x) values (9007199254740993)");
  });

  it("does not insert a value of another type", async () => {
    await warehouse.execute("create or replace table marts.t as select 1 as x, 'a' as s");
    await expect(warehouse.execute("insert into marts.t select 1.5, 'b'")).rejects.toMatchObject({
      name: "Refused",
    });
    await expect(warehouse.execute("insert into marts.t (s) select 5")).rejects.toMatchObject({
      name: "Refused",
    });
    expect((await warehouse.execute("insert into marts.t (s) select 'c'")).rows).toBe(1);
  });

  it("runs units that come at once one after the other", async () => {
    await warehouse.execute("create or replace table marts.t as select 0 as x");
    await Promise.all(
      Array.from({ length: 5 }, () => warehouse.execute("update marts.t set x = x + 1 where true")),
    );
    expect((await warehouse.query("select x from marts.t")).rows).toEqual([{ x: 5 }]);
  });
});

describe("the file", () => {
  it("keeps views that call the library when it is opened again", async () => {
    await warehouse.execute(`create schema if not exists darkroom.reporting;
      create or replace view reporting.v as select timestamp_trunc(timestamp '2026-01-31 10:00:00+00', month) as m`);
    await warehouse.close();
    warehouse = await open();
    expect((await warehouse.query("select m from reporting.v")).rows).toEqual([
      { m: "2026-01-01T00:00:00.000000+00:00" },
    ]);
  });

  it("names the process that holds it", async () => {
    const path = join(folder, "held.duckdb");
    const program = `const { DuckDBInstance } = require("@duckdb/node-api");
      DuckDBInstance.create(${JSON.stringify(path)}).then(() => { console.log("open"); setInterval(() => {}, 1000); });`;
    const holder = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await new Promise((resolve) => holder.stdout.once("data", resolve));
      const opened = duckdbWarehouse({ path, project: "darkroom" });
      await expect(opened).rejects.toMatchObject({
        name: "Unavailable",
        message: expect.stringContaining(String(holder.pid)),
      });
    } finally {
      holder.kill();
    }
  });

  it("is refused as a setting when it is no database", async () => {
    const path = join(folder, "text.duckdb");
    await writeFile(
      path,
      "this is no database, only a text that is long enough to be read as one".repeat(100),
    );
    await expect(duckdbWarehouse({ path, project: "darkroom" })).rejects.toMatchObject({
      name: "Misconfigured",
    });
    await expect(duckdbWarehouse({ path: ":memory:", project: "bq" })).rejects.toThrow("choose another");
  });
});
