import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { duckdbWarehouse } from "../../warehouse/duckdb.ts";
import type { LoadableSegment, TableSpec, Warehouse } from "../../warehouse/warehouse.ts";

const images: TableSpec = {
  name: "image_received",
  description: "One row per receipt.",
  columns: [
    { name: "image_id", type: "STRING", mode: "REQUIRED", description: "Identity." },
    { name: "bytes", type: "INT64", description: "Size." },
    { name: "received_at", type: "TIMESTAMP", description: "When." },
    { name: "cost", type: "NUMERIC", description: "Price." },
    { name: "labels", type: "STRING", mode: "REPEATED", description: "What it shows." },
    {
      name: "renditions",
      type: "RECORD",
      mode: "REPEATED",
      description: "Its forms.",
      fields: [
        { name: "recipe", type: "STRING", description: "How." },
        { name: "width", type: "INT64", description: "Pixels." },
      ],
    },
    { name: "extra", type: "JSON", description: "The rest." },
  ],
  partitionBy: "received_at",
  clusterBy: ["image_id"],
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

async function segment(name: string, ...rows: readonly unknown[]): Promise<LoadableSegment> {
  const path = join(folder, name);
  await writeFile(
    path,
    rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`).join(""),
  );
  return { name: `segments/${name}`, url: pathToFileURL(path).href };
}

const count = async (table: string): Promise<unknown> =>
  (await warehouse.query(`select count(*) as n from ${table}`)).rows[0]?.n;

describe("raw tables", () => {
  it("are made, take new columns, and refuse other differences", async () => {
    await warehouse.ensureTables("raw", [images]);
    const grown = {
      ...images,
      columns: [...images.columns, { name: "city", type: "STRING" as const, description: "" }],
    };
    await warehouse.ensureTables("raw", [grown]);
    await warehouse.ensureTables("raw", [grown]);
    const [relation] = await warehouse.relations();
    expect(relation?.target).toEqual({ project: "darkroom", dataset: "raw", name: "image_received" });
    expect(relation?.columns.slice(-3)).toEqual(["_segment", "_loaded_at", "city"]);
    await expect(warehouse.ensureTables("raw", [images])).rejects.toThrow("column city");
    const other = {
      ...grown,
      columns: grown.columns.map((c) => (c.name === "bytes" ? { ...c, type: "STRING" as const } : c)),
    };
    await expect(warehouse.ensureTables("raw", [other])).rejects.toThrow(
      "it is BIGINT and should be VARCHAR",
    );
  });
});

describe("load", () => {
  beforeEach(() => warehouse.ensureTables("raw", [images]));

  it("loads each segment once and gives values in BigQuery's form", async () => {
    const first = await segment("a.ndjson", {
      image_id: "i1",
      bytes: 5,
      received_at: "2026-01-31T10:00:00.5Z",
      cost: "0.000000001",
      labels: ["cat"],
      renditions: [{ recipe: "thumb", width: 10 }],
      extra: { k: [1] },
    });
    const second = await segment("b.ndjson", { image_id: "i2" }, { image_id: "i3" });
    expect(await warehouse.load("raw", images, [first])).toBe(1);
    expect(await warehouse.load("raw", images, [first, second, second])).toBe(2);
    expect(await warehouse.load("raw", images, [first, second])).toBe(0);
    expect(await warehouse.loadedSegments("raw", "image_received")).toEqual(
      new Set(["segments/a.ndjson", "segments/b.ndjson"]),
    );
    const { rows, schema } = await warehouse.query(
      "select * except (_loaded_at) from raw.image_received where image_id = 'i1'",
    );
    expect(schema.map(({ type, mode }) => `${type} ${mode}`)).toEqual([
      "STRING NULLABLE",
      "INTEGER NULLABLE",
      "TIMESTAMP NULLABLE",
      "NUMERIC NULLABLE",
      "STRING REPEATED",
      "RECORD REPEATED",
      "JSON NULLABLE",
      "STRING NULLABLE",
    ]);
    expect(rows).toEqual([
      {
        image_id: "i1",
        bytes: 5,
        received_at: "2026-01-31T10:00:00.500000+00:00",
        cost: "0.000000001",
        labels: ["cat"],
        renditions: [{ recipe: "thumb", width: 10 }],
        extra: '{"k":[1]}',
        _segment: "segments/a.ndjson",
      },
    ]);
  });

  it.each([
    ["a text for a number", { image_id: "x", bytes: "many" }],
    ["a fraction for a whole number", { image_id: "x", bytes: 1.5 }],
    ["no value where one is required", { bytes: 1 }],
    ["a key that is no column", { image_id: "x", colour: "red" }],
    ["no time", { image_id: "x", received_at: "yesterday" }],
    ["no JSON", "{image_id"],
  ])("refuses %s and loads nothing", async (_, row) => {
    const good = await segment("good.ndjson", { image_id: "ok" });
    const bad = await segment("bad.ndjson", row);
    await expect(warehouse.load("raw", images, [good, bad])).rejects.toMatchObject({ name: "Refused" });
    expect(await count("raw.image_received")).toBe(0);
  });

  it("refuses places that are no files", async () => {
    const far = { name: "s", url: "gs://bucket/s.ndjson" };
    await expect(warehouse.load("raw", images, [far])).rejects.toThrow("file://");
  });
});

describe("execute", () => {
  beforeEach(() => warehouse.execute("create schema if not exists darkroom.marts"));

  it("counts the rows of a table that it makes and of changes", async () => {
    expect(
      await warehouse.execute("create or replace table marts.t as select x from unnest([1, 2, 3]) as x"),
    ).toBe(3);
    expect(await warehouse.execute("insert into marts.t (x) select 4")).toBe(1);
    expect(await warehouse.execute("update marts.t set x = x + 1 where x > 2")).toBe(2);
    expect(await warehouse.execute("delete from marts.t where true")).toBe(4);
  });

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

  it("merges, and refuses several source rows for one target row", async () => {
    await warehouse.execute("create or replace table marts.t as select 1 as k, 'a' as v");
    const merge = (rows: string): string => `
      merge marts.t DATAFORM_DEST using (select * from unnest([${rows}])) DATAFORM_SOURCE
      on DATAFORM_DEST.k = DATAFORM_SOURCE.k
      when matched then update set k = DATAFORM_SOURCE.k, v = DATAFORM_SOURCE.v
      when not matched then insert (k, v) values (k, v)`;
    expect(await warehouse.execute(merge("struct(1 as k, 'b' as v), (2, 'c')"))).toBe(2);
    await expect(warehouse.execute(merge("struct(1 as k, 'd' as v), (1, 'e')"))).rejects.toThrow(
      "at most one source row",
    );
    expect((await warehouse.query("select * from marts.t order by k")).rows).toEqual([
      { k: 1, v: "b" },
      { k: 2, v: "c" },
    ]);
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
    expect(await warehouse.execute("insert into marts.t (s) select 'c'")).toBe(1);
  });

  it("runs units that come at once one after the other", async () => {
    await warehouse.execute("create or replace table marts.t as select 0 as x");
    await Promise.all(
      Array.from({ length: 5 }, () => warehouse.execute("update marts.t set x = x + 1 where true")),
    );
    expect((await warehouse.query("select x from marts.t")).rows).toEqual([{ x: 5 }]);
  });
});

describe("query", () => {
  it("refuses what is no query", async () => {
    await expect(warehouse.query("create schema darkroom.x")).rejects.toMatchObject({
      reason: "not_a_query",
    });
    await expect(warehouse.query("select 1; select 2")).rejects.toMatchObject({ reason: "not_a_query" });
  });

  it("refuses without a stack when a table is missing", async () => {
    await expect(warehouse.query("select 1 from nowhere.t")).rejects.toThrow(/^(?!.*\n)/s);
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
