import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Column, TableSpec } from "../../warehouse/warehouse.ts";
import { type BigqueryDouble, bigqueryDouble, failed, refusal } from "./bigquery-double.ts";

const orders: TableSpec = {
  name: "orders",
  description: "One row per order.",
  columns: [
    { name: "order_id", type: "STRING", mode: "REQUIRED", description: "Identity." },
    { name: "placed_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When." },
    {
      name: "items",
      type: "RECORD",
      mode: "REPEATED",
      description: "What.",
      fields: [{ name: "sku", type: "STRING", description: "Which." }],
    },
  ],
  partitionBy: "placed_at",
  clusterBy: ["order_id"],
};
const tablePath = "datasets/raw/tables/orders";

let bigquery: BigqueryDouble & { advance(ms: number): void };
beforeEach(async () => {
  bigquery = await bigqueryDouble();
});
afterEach(() => bigquery.close());

const made = (path: string) => bigquery.asked.filter((one) => one.method !== "GET" && one.path === path);

describe("raw tables", () => {
  const ensure = (spec: TableSpec = orders) => bigquery.warehouse().ensureTables("raw", [spec]);

  it("are made in the location, partitioned, clustered, described and labelled", async () => {
    await ensure();
    expect(made("datasets").map(({ body }) => body)).toEqual([
      {
        datasetReference: { projectId: "p", datasetId: "raw" },
        location: "EU",
        labels: { application: "darkroom" },
      },
    ]);
    expect(made("datasets/raw/tables").map(({ body }) => body)).toEqual([
      {
        tableReference: { projectId: "p", datasetId: "raw", tableId: "orders" },
        description: "One row per order.",
        labels: { application: "darkroom" },
        schema: {
          fields: [
            { name: "order_id", type: "STRING", mode: "REQUIRED", description: "Identity." },
            { name: "placed_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When." },
            {
              name: "items",
              type: "RECORD",
              mode: "REPEATED",
              description: "What.",
              fields: [{ name: "sku", type: "STRING", mode: "NULLABLE", description: "Which." }],
            },
            expect.objectContaining({ name: "_segment", type: "STRING", mode: "REQUIRED" }),
            expect.objectContaining({
              name: "_loaded_at",
              type: "TIMESTAMP",
              mode: "NULLABLE",
              defaultValueExpression: "CURRENT_TIMESTAMP()",
            }),
          ],
        },
        timePartitioning: { type: "DAY", field: "placed_at" },
        clustering: { fields: ["order_id"] },
      },
    ]);
  });

  it("are only looked at when they are as they should be", async () => {
    await ensure();
    const before = bigquery.asked.length;
    await ensure();
    expect(bigquery.asked.slice(before).map(({ method }) => method)).toEqual(["GET", "GET"]);
  });

  it("are widened by what is new, behind what is there, unless somebody else changes them at the same time", async () => {
    await ensure();
    const [order, placed, items] = orders.columns as readonly [Column, Column, Column];
    const sku = { name: "sku", type: "STRING", description: "Which." } as const;
    const count = { name: "count", type: "INT64", description: "How many." } as const;
    const tags = { name: "tags", type: "STRING", mode: "REPEATED", description: "Words." } as const;
    let changes = 1;
    bigquery.intercept = ({ method }) =>
      method === "PATCH" && changes-- > 0 ? refusal(412, "conditionNotMet", "etag") : undefined;
    await ensure({ ...orders, columns: [order, placed, { ...items, fields: [sku, count] }, tags] });
    const patches = made(tablePath);
    expect(patches.map(({ headers }) => headers["if-match"])).toEqual(["e1", "e1"]);
    const { fields } = patches[1]?.body.schema ?? {};
    expect(Object.keys(patches[1]?.body)).toEqual(["schema"]);
    expect(fields.map(({ name }: { name: string }) => name)).toEqual([
      ...["order_id", "placed_at", "items", "_segment", "_loaded_at", "tags"],
    ]);
    expect(fields[2].fields).toEqual([
      { name: "sku", type: "STRING", mode: "NULLABLE", description: "Which." },
      { name: "count", type: "INTEGER", mode: "NULLABLE", description: "How many." },
    ]);
    expect(fields[5]).toEqual({ name: "tags", type: "STRING", mode: "REPEATED", description: "Words." });
  });

  it("are given the default of the time of loading where others made them without", async () => {
    await ensure();
    const table = bigquery.resources.get(tablePath) as { schema: { fields: Record<string, unknown>[] } };
    for (const field of table.schema.fields) delete field.defaultValueExpression;
    await ensure();
    const last = made(tablePath)[0]?.body.schema.fields.at(-1);
    expect(last).toMatchObject({ name: "_loaded_at", defaultValueExpression: "CURRENT_TIMESTAMP()" });
  });

  it("are refused with every other difference, line by line, and left as they are", async () => {
    await ensure();
    const table = bigquery.resources.get(tablePath) ?? {};
    const fields = [
      { name: "order_id", type: "INT64", mode: "REQUIRED" },
      { name: "items", type: "RECORD", mode: "REPEATED", fields: [{ name: "sku", type: "FLOAT" }] },
      { name: "_segment", type: "STRING", mode: "REQUIRED" },
      { name: "_loaded_at", type: "TIMESTAMP" },
      { name: "stray", type: "STRING" },
    ];
    const changed = { timePartitioning: { type: "HOUR", field: "placed_at" }, clustering: undefined };
    bigquery.resources.set(tablePath, { ...table, schema: { fields }, ...changed });
    await expect(ensure()).rejects.toMatchObject({
      name: "Misconfigured",
      problems: [
        "table raw.orders, column order_id: it is INTEGER REQUIRED and should be STRING REQUIRED",
        "table raw.orders, column placed_at: it is new and REQUIRED; a new column must be NULLABLE or REPEATED",
        "table raw.orders, column items.sku: it is FLOAT NULLABLE and should be STRING NULLABLE",
        "table raw.orders, column stray: the table has it and its definition does not; columns stay",
        "table raw.orders: it is partitioned by HOUR(placed_at) and should be by DAY(placed_at)",
        "table raw.orders: it is clustered by nothing and should be by order_id",
      ],
    });
    expect(made(tablePath)).toEqual([]);
  });

  it("are not made beside a dataset elsewhere", async () => {
    bigquery.resources.set("datasets/raw", { location: "US" });
    await expect(ensure()).rejects.toThrow("dataset raw lies in US; expected EU");
  });

  it("are looked at again when another process makes them first", async () => {
    let isFirst = true;
    bigquery.intercept = ({ method, path, body }) => {
      if (method !== "POST" || path !== "datasets/raw/tables" || !isFirst) return undefined;
      isFirst = false;
      bigquery.resources.set(tablePath, { etag: "e1", ...body });
      return undefined;
    };
    await ensure();
    expect(made("datasets/raw/tables")).toHaveLength(1);
  });
});

describe("the date through which all is loaded", () => {
  it("is a label beside those of others, set only on the table as it was read", async () => {
    bigquery.resources.set(tablePath, { etag: "e1", labels: { team: "images" } });
    let changes = 2;
    bigquery.intercept = ({ method }) =>
      method === "PATCH" && changes-- > 0 ? refusal(412, "conditionNotMet", "etag") : undefined;
    const warehouse = bigquery.warehouse();
    await warehouse.noteLoadedThrough("raw", "orders", "2026-01-31");
    const patches = made(tablePath);
    expect(patches).toHaveLength(3);
    expect(patches[2]).toMatchObject({
      headers: { "if-match": "e1" },
      body: { labels: { team: "images", loaded_through: "2026-01-31" } },
    });
    expect(await warehouse.loadedThrough("raw", "orders")).toBe("2026-01-31");
    changes = 99;
    await expect(warehouse.noteLoadedThrough("raw", "orders", "2026-02-01")).rejects.toMatchObject({
      name: "Unavailable",
    });
  });

  it("is not known where there is no table", async () => {
    expect(await bigquery.warehouse().loadedThrough("raw", "orders")).toBeUndefined();
  });
});

describe("statements", () => {
  const purpose = { kind: "model", name: "marts.fct_images" } as const;

  it("bill no more than allowed, under labels that say what for", async () => {
    const warehouse = bigquery.warehouse();
    await warehouse.execute("create or replace view v as select 1 as x", purpose);
    await warehouse.execute("select 1");
    await warehouse.query("(select 1)");
    await warehouse.loadedSegments("raw", orders);
    const jobs = bigquery.asked.filter(({ method, path }) => method === "POST" && path === "jobs");
    expect(jobs.map(({ body }) => body.configuration.labels)).toEqual([
      { application: "darkroom", kind: "model", name: "marts-fct_images" },
      { application: "darkroom", kind: "query", name: "script" },
      { application: "darkroom", kind: "query", name: "query" },
      { application: "darkroom", kind: "query", name: "query" },
      { application: "darkroom", kind: "query", name: "segments-of-orders" },
    ]);
    for (const { body } of jobs) {
      expect(body.configuration.query).toMatchObject({
        maximumBytesBilled: "20000000",
        useLegacySql: false,
      });
      expect(body.jobReference).toMatchObject({ projectId: "p", location: "EU" });
    }
    expect(jobs.map(({ body }) => body.configuration.dryRun ?? false)).toEqual([
      ...[false, false, true, false, false],
    ]);
    expect(bigquery.asked.filter(({ method, path }) => method === "POST" && path === "queries")).toEqual([]);
  });

  it("have labels of BigQuery's syntax, whatever the model is called", async () => {
    const warehouse = bigquery.warehouse();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 200, size: "max" }), async (name) => {
        await warehouse.execute("select 1", { kind: "assertion", name });
        const { labels } = bigquery.inserted("query").at(-1)?.body.configuration ?? {};
        expect(labels.name).toMatch(/^[a-z0-9_-]{0,63}$/);
      }),
      { numRuns: 30 },
    );
  });

  it("tell rows and bytes billed", async () => {
    const statistics = (query: object) => () => ({ statistics: { query } });
    const warehouse = bigquery.warehouse();
    bigquery.onInsert = statistics({
      statementType: "MERGE",
      numDmlAffectedRows: "12",
      totalBytesBilled: "10485760",
    });
    expect(await warehouse.execute("merge …", purpose)).toEqual({ rows: 12, bytesBilled: 10_485_760 });
    bigquery.onInsert = statistics({ statementType: "CREATE_VIEW" });
    expect(await warehouse.execute("create view …", purpose)).toEqual({ rows: 0, bytesBilled: 0 });
    bigquery.resources.set("datasets/marts/tables/t", { numRows: "345" });
    bigquery.onInsert = statistics({
      statementType: "CREATE_TABLE_AS_SELECT",
      ddlTargetTable: { projectId: "p", datasetId: "marts", tableId: "t" },
    });
    expect((await warehouse.execute("create table …", purpose)).rows).toBe(345);
    bigquery.onInsert = statistics({ statementType: "SELECT", totalBytesBilled: "20971520" });
    expect((await warehouse.query("select 1")).bytesBilled).toBe(20_971_520);
  });

  it("of a script tell the rows of the one that began last", async () => {
    const child = (startTime: string, numDmlAffectedRows: string) => ({
      statistics: { startTime, query: { statementType: "INSERT", numDmlAffectedRows } },
    });
    bigquery.onInsert = () => ({
      statistics: { query: { statementType: "SCRIPT", totalBytesBilled: "300" } },
    });
    bigquery.intercept = ({ query }) =>
      query.parentJobId === undefined
        ? undefined
        : { status: 200, body: { jobs: [child("2000", "2"), child("3000", "3"), child("1000", "1")] } };
    expect(await bigquery.warehouse().execute("a; b; c", purpose)).toEqual({ rows: 3, bytesBilled: 300 });
    const parents = bigquery.asked.map(({ query }) => query.parentJobId).filter(Boolean);
    expect(parents).toEqual([bigquery.inserted("query")[0]?.body.jobReference.jobId]);
  });

  it("are run once, also when the answer to their insertion was lost", async () => {
    let lost = 0;
    bigquery.intercept = ({ method, path, body }) => {
      if (method !== "POST" || path !== "jobs" || lost++ > 0) return undefined;
      const query = { statementType: "INSERT", numDmlAffectedRows: "5" };
      bigquery.jobs.set(body.jobReference.jobId, {
        jobReference: body.jobReference,
        status: { state: "RUNNING" },
        statistics: { query },
      });
      return { status: 503 };
    };
    expect((await bigquery.warehouse().execute("insert …", purpose)).rows).toBe(5);
    const ids = bigquery.inserted("query").map(({ body }) => body.jobReference.jobId);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  it.each([
    ["invalidQuery", "Unrecognized name: nope\nat [1:8]", "Refused", "Unrecognized name: nope at [1:8]"],
    ["notFound", "Not found: Table p:raw.t", "Refused", "Not found: Table"],
    ["accessDenied", "Access Denied: Table p:raw.t: no, or it does not exist", "Refused", "Access Denied"],
    ["bytesBilledLimitExceeded", "Query exceeded limit for bytes billed", "Refused", "bytes billed"],
    ["resourcesExceeded", "out of memory", "Refused", "out of memory"],
    ["accessDenied", "Access Denied: Project p: no jobs.create", "Misconfigured", "Project p"],
    ["notFound", "Not found: Project p", "Misconfigured", "Not found: Project p"],
    ["billingNotEnabled", "billing is off", "Misconfigured", "billing is off"],
    ["rateLimitExceeded", "too many", "Unavailable", "too many"],
    ["quotaExceeded", "Quota exceeded", "Unavailable", "Quota exceeded"],
    ["backendError", "trouble", "Unavailable", "trouble"],
    ["invalidQuery", "Could not serialize access due to concurrent update", "Unavailable", "concurrent"],
  ])("that fail with %s (%s) are %s", async (reason, message, name, text) => {
    bigquery.onInsert = () => failed(reason, message, "query");
    const executed = bigquery.warehouse().execute("select nope", purpose);
    await expect(executed).rejects.toMatchObject({ name, message: expect.stringContaining(text) });
  });

  it.each([
    [400, "invalidQuery", "Syntax error at [1:1]", "Refused"],
    [404, "notFound", "Not found: Table p:raw.t", "Refused"],
    [403, "accessDenied", "Access Denied: Project p", "Misconfigured"],
    [401, "authError", "Invalid Credentials", "Misconfigured"],
    [403, "rateLimitExceeded", "too many", "Unavailable"],
    [500, "internalError", "trouble", "Unavailable"],
    [502, "", "<html>bad gateway</html>", "Unavailable"],
  ])("that are answered with %d %s are of the right family", async (status, reason, message, name) => {
    bigquery.intercept = () => refusal(status, reason, message);
    const warehouse = bigquery.warehouse();
    await Promise.all([
      expect(warehouse.query("selec 1")).rejects.toMatchObject({ name }),
      expect(warehouse.execute("selec 1", purpose)).rejects.toMatchObject({ name }),
    ]);
  });

  it("name the setting when they would bill too much", async () => {
    bigquery.onInsert = () => failed("bytesBilledLimitExceeded", "too much");
    await expect(bigquery.warehouse().execute("select 1")).rejects.toMatchObject({
      expected: expect.stringContaining("DARKROOM_MAX_BYTES_BILLED"),
    });
  });

  it("are tried again while nobody answers, and then left for later", async () => {
    await bigquery.close();
    const executed = bigquery.warehouse().execute("select 1", purpose);
    await expect(executed).rejects.toMatchObject({
      name: "Unavailable",
      message: expect.stringContaining("cannot be reached"),
    });
    bigquery = await bigqueryDouble();
  });
});

describe("queries", () => {
  it.each(["drop table t", "select 1; drop table t", "-- x\nselect 1", "select ';'"])(
    "are not run when a dry run finds another kind of statement: %s",
    async (sql) => {
      bigquery.intercept = ({ body }) =>
        body?.configuration.dryRun
          ? { status: 200, body: { statistics: { query: { statementType: "SCRIPT" } } } }
          : undefined;
      await expect(bigquery.warehouse().query(sql)).rejects.toMatchObject({ reason: "not_a_query" });
      expect(bigquery.inserted("query")).toEqual([]);
    },
  );

  it.each(["select 1", " WITH a as (select 1) select * from a;\n"])(
    "are run without a dry run where their text tells enough: %j",
    async (sql) => {
      await bigquery.warehouse().query(sql);
      expect(bigquery.asked.some(({ body }) => body?.configuration.dryRun)).toBe(false);
    },
  );

  it("give all pages of their result", async () => {
    bigquery.intercept = ({ path, query }) => {
      if (!path.startsWith("queries/")) return undefined;
      const n = Number(query.pageToken ?? "1");
      const schema = { fields: [{ name: "n", type: "INT64" }] };
      const rows = [{ f: [{ v: String(n) }] }];
      return { status: 200, body: { schema, rows, ...(n < 3 ? { pageToken: String(n + 1) } : {}) } };
    };
    const { rows, schema } = await bigquery.warehouse().query("select n from t");
    expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(schema).toEqual([{ name: "n", type: "INTEGER", mode: "NULLABLE" }]);
    const pages = bigquery.asked.filter(({ path }) => path.startsWith("queries/"));
    expect(pages.map(({ query }) => query)).toMatchObject([
      { location: "EU", "formatOptions.useInt64Timestamp": "true" },
      { pageToken: "2" },
      { pageToken: "3" },
    ]);
  });
});

describe("settings", () => {
  it("name a location, and for streams where segments are read", () => {
    expect(() => bigquery.warehouse({ location: "" })).toThrow("?location=EU");
    expect(() => bigquery.warehouse({ mode: "stream" })).toThrow("DARKROOM_LOADER_MODE is stream");
  });
});
