/** The promises of the warehouse's port, as tests: every adapter passes the same suite. */

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { LoadableSegment, TableSpec, Warehouse } from "../../warehouse/warehouse.ts";

export interface WarehouseSetup {
  /** Empty, and nobody else's. */
  readonly warehouse: Warehouse;
  /** Writes a file where the warehouse can read it. */
  readonly write: (name: string, text: string) => Promise<LoadableSegment>;
  readonly close: () => Promise<void>;
}

const tests = [
  "makes the tables that are missing and leaves those that are there",
  "adds columns that are new, at the end",
  "fills a column that is new",
  "refuses every other difference, and names it",
  "makes and changes nothing when one table differs",
  "loads each segment once, however often it is asked",
  "counts the rows of each load",
  "notes when each row was loaded",
  "gives back what was loaded, in BigQuery's form",
  "loads records in arrays",
  "refuses a text for a number",
  "refuses a fraction for a whole number",
  "refuses no value where one is required",
  "refuses a key that is no column",
  "refuses what is no time",
  "refuses what is no JSON",
  "loads nothing of files of which one does not fit",
  "reads back the segments of a part of the table",
  "keeps the date through which all is loaded with the table",
  "lists tables and views with their columns",
  "counts the rows of a table that it makes, and of changes",
  "counts the rows of a script's last statement",
  "merges",
  "refuses a merge with several source rows for one target row",
  "refuses a statement that fails, in one line",
  "answers with the types and values of BigQuery",
  "refuses what is not one query",
] as const;

type Test = (typeof tests)[number];

/**
 * What the server that an adapter is tried with does not do as the service does, each with the reason. Such a test is run and has
 * to fail: where the server learns it, the entry has to go.
 */
export type Deviations = Readonly<Partial<Record<Test, string>>>;

const images: TableSpec = {
  name: "image_received",
  description: "One row per receipt.",
  columns: [
    { name: "image_id", type: "STRING", mode: "REQUIRED", description: "Identity." },
    { name: "received_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When." },
    { name: "bytes", type: "INT64", description: "Size." },
    { name: "cost", type: "NUMERIC", description: "Price." },
    { name: "labels", type: "STRING", mode: "REPEATED", description: "What it shows." },
    { name: "extra", type: "JSON", description: "The rest." },
  ],
  partitionBy: "received_at",
  clusterBy: ["image_id"],
};
const processed: TableSpec = {
  ...images,
  name: "image_processed",
  columns: [
    { name: "received_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When." },
    { name: "image_id", type: "STRING", mode: "REQUIRED", description: "Identity." },
    {
      name: "renditions",
      type: "RECORD",
      mode: "REPEATED",
      description: "Its forms.",
      fields: [
        { name: "recipe", type: "STRING", mode: "REQUIRED", description: "How." },
        { name: "width", type: "INT64", description: "Pixels." },
      ],
    },
  ],
};
const grown: TableSpec = {
  ...images,
  columns: [...images.columns, { name: "city", type: "STRING", description: "Where." }],
};
const morning = "2026-01-31T10:00:00.5Z";

export function warehouseConformance(
  adapter: string,
  make: () => Promise<WarehouseSetup>,
  deviations: Deviations = {},
): void {
  let setup: WarehouseSetup;
  let warehouse: Warehouse;

  const promise = (name: Test, test: () => Promise<void>) => {
    const deviation = deviations[name];
    if (deviation === undefined) it(name, test);
    else it.failing(`${name} — not here: ${deviation}`, test);
  };

  /** A segment whose rows carry its name; a text is a line as it is. */
  async function segment(name: string, ...rows: readonly unknown[]): Promise<LoadableSegment> {
    const lines = rows.map((row) =>
      typeof row === "string"
        ? row
        : JSON.stringify({ received_at: morning, _segment: name, ...Object(row) }),
    );
    return setup.write(name, `${lines.join("\n")}\n`);
  }
  const load = (...segments: readonly LoadableSegment[]) => warehouse.load("raw", images, segments);
  const ids = async () =>
    (await warehouse.query("select image_id from raw.image_received order by image_id")).rows.map(
      ({ image_id }) => image_id,
    );

  describe(`warehouse: ${adapter}`, () => {
    beforeEach(async () => {
      setup = await make();
      warehouse = setup.warehouse;
    });
    afterEach(() => setup.close());

    describe("raw tables", () => {
      promise("makes the tables that are missing and leaves those that are there", async () => {
        await warehouse.ensureTables("raw", [images]);
        await load(await segment("a", { image_id: "i1" }));
        await warehouse.ensureTables("raw", [images, { ...images, name: "image_removed" }]);
        const relations = await warehouse.relations();
        expect(relations.map(({ target, kind }) => [target, kind])).toEqual([
          [{ project: warehouse.project, dataset: "raw", name: "image_received" }, "table"],
          [{ project: warehouse.project, dataset: "raw", name: "image_removed" }, "table"],
        ]);
        const names = [...images.columns.map(({ name }) => name), "_segment", "_loaded_at"];
        expect(relations[0]?.columns).toEqual(names);
        expect(await ids()).toEqual(["i1"]);
      });

      promise("adds columns that are new, at the end", async () => {
        await warehouse.ensureTables("raw", [images]);
        await warehouse.ensureTables("raw", [grown]);
        await warehouse.ensureTables("raw", [grown]);
        const [relation] = await warehouse.relations();
        expect(relation?.columns.slice(-3)).toEqual(["_segment", "_loaded_at", "city"]);
      });

      promise("fills a column that is new", async () => {
        await warehouse.ensureTables("raw", [images]);
        await load(await segment("a", { image_id: "i1" }));
        await warehouse.ensureTables("raw", [grown]);
        await warehouse.load("raw", grown, [await segment("b", { image_id: "i2", city: "Rome" })]);
        const { rows } = await warehouse.query("select image_id, city from raw.image_received order by 1");
        expect(rows).toEqual([
          { image_id: "i1", city: null },
          { image_id: "i2", city: "Rome" },
        ]);
      });

      promise("refuses every other difference, and names it", async () => {
        await warehouse.ensureTables("raw", [grown]);
        const other = {
          ...images,
          columns: images.columns.map((column) =>
            column.name === "bytes" ? { ...column, type: "STRING" as const } : column,
          ),
        };
        const ensured = warehouse.ensureTables("raw", [other]);
        await expect(ensured).rejects.toMatchObject({
          name: "Misconfigured",
          problems: expect.arrayContaining([
            expect.stringContaining("table raw.image_received, column bytes: it is "),
            expect.stringContaining("table raw.image_received, column city: "),
          ]),
        });
      });

      promise("makes and changes nothing when one table differs", async () => {
        await warehouse.ensureTables("raw", [grown]);
        const more = { ...images, name: "image_removed" };
        await expect(warehouse.ensureTables("raw", [more, images])).rejects.toThrow("column city");
        expect((await warehouse.relations()).map(({ target }) => target.name)).toEqual(["image_received"]);
      });
    });

    describe("load", () => {
      beforeEach(() => warehouse.ensureTables("raw", [images]));

      promise("loads each segment once, however often it is asked", async () => {
        const first = await segment("a", { image_id: "i1" });
        const second = await segment("b", { image_id: "i2" }, { image_id: "i3" });
        await load(first);
        await load(first, second, second);
        await load(second, first);
        expect(await ids()).toEqual(["i1", "i2", "i3"]);
        expect((await warehouse.loadedSegments("raw", images)).names).toEqual(new Set(["a", "b"]));
      });

      promise("counts the rows of each load", async () => {
        const first = await segment("a", { image_id: "i1" });
        const second = await segment("b", { image_id: "i2" }, { image_id: "i3" });
        expect((await load()).rows).toBe(0);
        expect((await load(first)).rows).toBe(1);
        expect((await load(first)).rows).toBe(0);
        expect((await load(first, second)).rows).toBe(2);
      });

      promise("notes when each row was loaded", async () => {
        const before = Date.now();
        await load(await segment("a", { image_id: "i1" }));
        const { rows } = await warehouse.query("select _loaded_at from raw.image_received");
        const loadedAt = Date.parse(String(rows[0]?._loaded_at));
        expect(Math.abs(loadedAt - before)).toBeLessThan(60_000);
      });

      promise("gives back what was loaded, in BigQuery's form", async () => {
        await load(
          await segment("a", {
            image_id: "i1",
            bytes: 5,
            cost: "0.000000001",
            labels: ["cat", "mat"],
            extra: { k: [1] },
          }),
        );
        const { rows, schema } = await warehouse.query(
          "select * except (_loaded_at) from raw.image_received",
        );
        expect(schema.map(({ name, type, mode }) => [name, type, mode === "REPEATED"])).toEqual([
          ["image_id", "STRING", false],
          ["received_at", "TIMESTAMP", false],
          ["bytes", "INTEGER", false],
          ["cost", "NUMERIC", false],
          ["labels", "STRING", true],
          ["extra", "JSON", false],
          ["_segment", "STRING", false],
        ]);
        expect(rows).toEqual([
          {
            image_id: "i1",
            received_at: "2026-01-31T10:00:00.500000+00:00",
            bytes: 5,
            cost: "0.000000001",
            labels: ["cat", "mat"],
            extra: '{"k":[1]}',
            _segment: "a",
          },
        ]);
      });

      promise("loads records in arrays", async () => {
        await warehouse.ensureTables("raw", [processed]);
        const renditions = [{ recipe: "thumb", width: 10 }, { recipe: "large" }];
        const some = await segment("a", { image_id: "i1", renditions }, { image_id: "i2", renditions: [] });
        await warehouse.load("raw", processed, [some]);
        const { rows } = await warehouse.query(
          "select image_id, renditions from raw.image_processed order by image_id",
        );
        expect(rows).toEqual([
          { image_id: "i1", renditions: [renditions[0], { recipe: "large", width: null }] },
          { image_id: "i2", renditions: [] },
        ]);
      });

      const unfit: readonly (readonly [Test, unknown])[] = [
        ["refuses a text for a number", { image_id: "x", bytes: "many" }],
        ["refuses a fraction for a whole number", { image_id: "x", bytes: 1.5 }],
        ["refuses no value where one is required", { bytes: 1 }],
        ["refuses a key that is no column", { image_id: "x", colour: "red" }],
        ["refuses what is no time", { image_id: "x", received_at: "yesterday" }],
        ["refuses what is no JSON", "{image_id"],
      ];
      for (const [name, row] of unfit) {
        promise(name, async () => {
          await expect(load(await segment("bad", row))).rejects.toMatchObject({ name: "Refused" });
          expect(await ids()).toEqual([]);
        });
      }

      promise("loads nothing of files of which one does not fit", async () => {
        const good = await segment("good", { image_id: "ok" });
        const bad = await segment("bad", { image_id: "x", bytes: "many" });
        await expect(load(good, bad)).rejects.toMatchObject({ name: "Refused" });
        expect(await ids()).toEqual([]);
        await load(good);
        expect(await ids()).toEqual(["ok"]);
      });

      promise("reads back the segments of a part of the table", async () => {
        const old = "2026-01-01T23:59:59Z";
        await load(
          await segment("dt=2026-01-02/a", { image_id: "i1", received_at: old }),
          await segment("dt=2026-01-31/b", { image_id: "i2" }),
          await segment("dt=2026-02-01/c", { image_id: "i3" }, { image_id: "i4", received_at: old }),
        );
        const held = async (since: string, earliestDate: string) =>
          (await warehouse.loadedSegments("raw", images, { since, earliestDate })).names;
        expect(await held("dt=2026-01-31/~", "2026-01-01")).toEqual(new Set(["dt=2026-02-01/c"]));
        expect(await held("", "2026-01-02")).toEqual(new Set(["dt=2026-01-31/b", "dt=2026-02-01/c"]));
        expect((await held("", "0001-01-01")).size).toBe(3);
        expect((await held("dt=2026-02-02/", "2026-01-01")).size).toBe(0);
      });

      promise("keeps the date through which all is loaded with the table", async () => {
        expect(await warehouse.loadedThrough("raw", "image_received")).toBeUndefined();
        await warehouse.noteLoadedThrough("raw", "image_received", "2026-01-30");
        await warehouse.noteLoadedThrough("raw", "image_received", "2026-01-31");
        expect(await warehouse.loadedThrough("raw", "image_received")).toBe("2026-01-31");
        await warehouse.ensureTables("raw", [images]);
        expect(await warehouse.loadedThrough("raw", "image_received")).toBe("2026-01-31");
      });
    });

    describe("statements", () => {
      beforeEach(async () => {
        await warehouse.execute(`create schema if not exists \`${warehouse.project}.marts\``);
      });
      const rowsOf = async (script: string) => (await warehouse.execute(script)).rows;

      promise("lists tables and views with their columns", async () => {
        await warehouse.execute("create or replace table marts.t as select 1 as x, 'a' as y");
        await warehouse.execute("create or replace view marts.v as select y, x from marts.t");
        const relations = [...(await warehouse.relations())];
        expect(relations.sort((a, b) => (a.target.name < b.target.name ? -1 : 1))).toEqual([
          {
            target: { project: warehouse.project, dataset: "marts", name: "t" },
            kind: "table",
            columns: ["x", "y"],
          },
          {
            target: { project: warehouse.project, dataset: "marts", name: "v" },
            kind: "view",
            columns: ["y", "x"],
          },
        ]);
      });

      promise("counts the rows of a table that it makes, and of changes", async () => {
        const made = "create or replace table marts.t as select x from unnest([1, 2, 3]) as x";
        expect(await rowsOf(made)).toBe(3);
        expect(await rowsOf("insert into marts.t (x) select 4")).toBe(1);
        expect(await rowsOf("update marts.t set x = x + 1 where x > 2")).toBe(2);
        expect(await rowsOf("create or replace view marts.v as select x from marts.t")).toBe(0);
        expect(await rowsOf("delete from marts.t where true")).toBe(4);
      });

      promise("counts the rows of a script's last statement", async () => {
        const script = `create or replace table marts.t as select x from unnest([1, 2, 3]) as x;
          insert into marts.t (x) select 4`;
        expect(await rowsOf(script)).toBe(1);
        expect((await warehouse.query("select count(*) as n from marts.t")).rows).toEqual([{ n: 4 }]);
      });

      const merge = (rows: string): string => `
        merge marts.t DATAFORM_DEST using (${rows}) DATAFORM_SOURCE
        on DATAFORM_DEST.k = DATAFORM_SOURCE.k
        when matched then update set k = DATAFORM_SOURCE.k, v = DATAFORM_SOURCE.v
        when not matched then insert (k, v) values (k, v)`;

      promise("merges", async () => {
        await warehouse.execute("create or replace table marts.t as select 1 as k, 'a' as v");
        expect(await rowsOf(merge("select 1 as k, 'b' as v union all select 2, 'c'"))).toBe(2);
        expect((await warehouse.query("select * from marts.t order by k")).rows).toEqual([
          { k: 1, v: "b" },
          { k: 2, v: "c" },
        ]);
      });

      promise("refuses a merge with several source rows for one target row", async () => {
        await warehouse.execute("create or replace table marts.t as select 1 as k, 'a' as v");
        const merged = warehouse.execute(merge("select 1 as k, 'd' as v union all select 1, 'e'"));
        await expect(merged).rejects.toThrow("at most one source row");
      });

      promise("refuses a statement that fails, in one line", async () => {
        for (const sql of ["select 1 from marts.nowhere", "select nothing from (select 1 as x)", "selec 1"]) {
          await expect(warehouse.query(sql)).rejects.toMatchObject({ name: "Refused" });
          await expect(warehouse.execute(sql)).rejects.toMatchObject({
            name: "Refused",
            message: expect.not.stringContaining("\n"),
          });
        }
      });
    });

    describe("query", () => {
      promise("answers with the types and values of BigQuery", async () => {
        const { rows, schema } = await warehouse.query(`select
          9007199254740993 as large, -5 as small, 0.25 as fraction, cast('nan' as float64) as no_number,
          numeric '12.50' as price, numeric '-100' as debt, true as is_set, 'Zürich' as word, b'ab' as bytes,
          date '2026-01-31' as day, datetime '2026-01-31 10:00:00.25' as civil, time '10:00:00.25' as clock,
          timestamp '0001-02-03 04:05:06.000007+00' as moment, struct(1 as a, ['x', 'y'] as l) as record,
          cast(null as string) as nothing, cast([] as array<int64>) as none`);
        expect(Object.fromEntries(schema.map(({ name, type }) => [name, type]))).toEqual({
          large: "INTEGER",
          small: "INTEGER",
          fraction: "FLOAT",
          no_number: "FLOAT",
          price: "NUMERIC",
          debt: "NUMERIC",
          is_set: "BOOLEAN",
          word: "STRING",
          bytes: "BYTES",
          day: "DATE",
          civil: "DATETIME",
          clock: "TIME",
          moment: "TIMESTAMP",
          record: "RECORD",
          nothing: "STRING",
          none: "INTEGER",
        });
        expect(rows).toEqual([
          {
            large: "9007199254740993",
            small: -5,
            fraction: 0.25,
            no_number: "NaN",
            price: "12.5",
            debt: "-100",
            is_set: true,
            word: "Zürich",
            bytes: "YWI=",
            day: "2026-01-31",
            civil: "2026-01-31T10:00:00.250000",
            clock: "10:00:00.250000",
            moment: "0001-02-03T04:05:06.000007+00:00",
            record: { a: 1, l: ["x", "y"] },
            nothing: null,
            none: [],
          },
        ]);
      });

      promise("refuses what is not one query", async () => {
        const schema = `create schema \`${warehouse.project}.made\``;
        for (const sql of [schema, "select 1; select 2"]) {
          await expect(warehouse.query(sql)).rejects.toMatchObject({ reason: "not_a_query" });
        }
        expect(await warehouse.relations()).toEqual([]);
      });
    });
  });
}
