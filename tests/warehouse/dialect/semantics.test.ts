/** Where DuckDB alone would answer otherwise than BigQuery. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { duckdbWarehouse } from "../../../warehouse/duckdb.ts";
import type { Value, Warehouse } from "../../../warehouse/warehouse.ts";

let warehouse: Warehouse;

beforeAll(async () => {
  warehouse = await duckdbWarehouse({ path: ":memory:", project: "p" });
  await warehouse.execute(`
    create schema p.d;
    create table p.d.items (id int64, name string, price numeric, score float64, seen_at timestamp, day date,
      tags array<string>, parts array<struct<name string, size int64>>);
    insert into p.d.items values
      (1, 'Ab', 1.1, 0.5, '2026-01-31 10:00:00', '2026-01-31', ['x', 'y'], [struct('a' as name, 2 as size)]),
      (2, 'ab', 2.2, null, '2026-02-01 10:00:00', '2026-02-01', ['z'], []),
      (3, null, null, cast('nan' as float64), null, null, [], []);
  `);
});
afterAll(() => warehouse.close());

async function value(expression: string): Promise<Value | undefined> {
  const { rows } = await warehouse.query(`select ${expression} as v`);
  return rows[0]?.v;
}

async function column(query: string): Promise<readonly (Value | undefined)[]> {
  const { rows, schema } = await warehouse.query(query);
  return rows.map((row) => row[schema[0]?.name ?? ""]);
}

describe("numbers", () => {
  it.each<[string, Value]>([
    ["7 / 2", 3.5],
    ["div(-7, 2)", -3],
    ["mod(-7, 3)", -1],
    ["cast(2.5 as int64)", 3],
    ["cast(-2.5 as int64)", -3],
    ["numeric '1' / numeric '3'", "0.333333333"],
    ["numeric '2' / 3", "0.666666667"],
    ["numeric '1.000000001' * numeric '1.5'", "1.500000002"],
    ["if(true, numeric '1.5', 2.25)", "1.5"],
    ["round(numeric '2.5')", "3"],
    ["safe_divide(1, 0)", null],
    ["greatest(1, null, 3)", null],
    ["1 << 3 | 1", 9],
    ["9007199254740993", "9007199254740993"],
    ["cast('nan' as float64) = cast('nan' as float64)", false],
    ["1.0 < cast('nan' as float64)", false],
    ["cast(1.0 as string)", "1"],
    ["cast(numeric '1.50' as string)", "1.5"],
  ])("%s is %j", async (expression, expected) => {
    expect(await value(expression)).toEqual(expected);
  });

  it.each(["1 / 0", "9223372036854775807 + 1", "cast('1.5' as int64)", "cast('x' as date)", "mod(1, 0)"])(
    "%s fails",
    async (expression) => {
      await expect(value(expression)).rejects.toMatchObject({ reason: "query_failed" });
    },
  );

  it("keeps SUM of NUMERIC exact and AVG of it NUMERIC", async () => {
    const { schema, rows } = await warehouse.query(
      "select sum(price) s, avg(price) a, sum(id) i from p.d.items",
    );
    expect(schema.map(({ type }) => type)).toEqual(["NUMERIC", "NUMERIC", "INTEGER"]);
    expect(rows).toEqual([{ s: "3.3", a: "1.65", i: 6 }]);
  });

  it("finds NaN to be the least value", async () => {
    expect(await column("select min(score) from p.d.items")).toEqual(["NaN"]);
  });
});

describe("types", () => {
  it.each([
    "'1' = 1",
    "true = 1",
    "date '2026-01-01' = timestamp '2026-01-01'",
    "'a' + 1",
    "concat('a', 1)",
    "sum('a')",
    "if(true, 1.5, 'a') = 'a'",
  ])("%s is refused", async (expression) => {
    await expect(value(expression)).rejects.toMatchObject({ name: "Refused" });
  });

  it("reads a string as the date or time beside it", async () => {
    expect(await column("select id from p.d.items where day >= '2026-02-01'")).toEqual([2]);
    expect(await column("select id from p.d.items where seen_at < '2026-02-01'")).toEqual([1]);
    expect(await column("select id from p.d.items where day in ('2026-01-31', '2026-03-01')")).toEqual([1]);
  });
});

describe("dates", () => {
  it.each<[string, Value]>([
    ["date_trunc(date '2026-01-01', week)", "2025-12-28"],
    ["date_trunc(date '2026-01-01', week(monday))", "2025-12-29"],
    ["date_trunc(date '2026-01-01', isoyear)", "2025-12-29"],
    ["extract(week from date '2026-01-03')", 0],
    ["extract(isoweek from date '2026-01-01')", 1],
    ["extract(dayofweek from date '2026-01-04')", 1],
    ["date_add(date '2026-01-31', interval 1 month)", "2026-02-28"],
    ["date_diff(date '2026-02-01', date '2026-01-31', month)", 1],
    ["timestamp_diff('2026-01-02 23:00:00', timestamp '2026-01-02 00:30:00', hour)", 22],
    ["datetime_diff(datetime '2026-01-02 01:00:00', datetime '2026-01-01 23:59:00', hour)", 2],
    ["timestamp_trunc(timestamp '2026-01-31 23:30:00-01:00', day)", "2026-02-01T00:00:00.000000+00:00"],
    ["date(timestamp '2026-01-31 23:30:00+00', 'Europe/Berlin')", "2026-02-01"],
    ["unix_seconds(timestamp '1969-12-31 23:59:59.5+00')", -1],
    ["cast(timestamp '2026-01-01 00:00:00.120+00' as string)", "2026-01-01 00:00:00.120+00"],
    ["format_timestamp('%F %T', timestamp '2026-01-01 01:02:03+00')", "2026-01-01 01:02:03"],
    ["parse_date('%Y%m%d', '20260131')", "2026-01-31"],
    ["safe.parse_date('%Y%m%d', 'x')", null],
    ["last_day(date '2028-02-01')", "2028-02-29"],
    ["timestamp '2026-01-31'", "2026-01-31T00:00:00.000000+00:00"],
    ["timestamp '2026-1-3 4:05:06.7-01'", "2026-01-03T05:05:06.700000+00:00"],
    ["timestamp '2026-07-01 00:00:00 Europe/Berlin'", "2026-06-30T22:00:00.000000+00:00"],
    ["time_diff(time '15:30:00', time '14:35:00', minute)", 55],
  ])("%s is %j", async (expression, expected) => {
    expect(await value(expression.replace("timestamp_diff('", "timestamp_diff(timestamp '"))).toEqual(
      expected,
    );
  });

  it("does not let the ends of months drift", async () => {
    const days = await value("generate_date_array(date '2026-01-31', date '2026-04-30', interval 1 month)");
    expect(days).toEqual(["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]);
  });
});

describe("names", () => {
  it("groups by the alias before the column", async () => {
    const query = "select lower(name) as name, count(*) as n from p.d.items group by name order by name";
    expect((await warehouse.query(query)).rows).toEqual([
      { name: null, n: 1 },
      { name: "ab", n: 2 },
    ]);
  });

  it("names columns without an alias and tells repeated names apart", async () => {
    const { schema } = await warehouse.query("select 1, 2, 3 as x, 4 as x");
    expect(schema.map(({ name }) => name)).toEqual(["f0_", "f1_", "x", "x_1"]);
  });

  it("puts the columns of USING first", async () => {
    const { schema } = await warehouse.query(
      "select * from (select 'a' as x, 1 as k) as l join (select 1 as k, 'b' as y) as r using (k)",
    );
    expect(schema.map(({ name }) => name)).toEqual(["k", "x", "y"]);
  });

  it("reads a field that has the name of the UNNEST alias or of its offset", async () => {
    const query = `select size.size, o from p.d.items as i, unnest(i.parts) as size with offset as o`;
    expect((await warehouse.query(query)).rows).toEqual([{ size: 2, o: 0 }]);
    const hidden = "select part.o from unnest([struct(7 as o)]) as part with offset as o";
    expect((await warehouse.query(hidden)).rows).toEqual([{ o: 7 }]);
  });

  it("refuses a name that differs in case only", async () => {
    await expect(warehouse.query("select id from p.d.Items")).rejects.toMatchObject({ reason: "not_found" });
  });
});

describe("rows", () => {
  it("orders NULL before everything", async () => {
    expect(await column("select name from p.d.items order by name")).toEqual([null, "Ab", "ab"]);
    expect(await column("select name from p.d.items order by name desc")).toEqual(["ab", "Ab", null]);
  });

  it("answers correlated subqueries over tables and arrays", async () => {
    expect(
      await column(
        "select (select sum(p.size) from unnest(i.parts) as p where p.size > i.id) as s from p.d.items as i order by id",
      ),
    ).toEqual([2, null, null]);
    expect(
      await column(
        "select id from p.d.items as a where exists (select 1 from p.d.items as b where b.id = a.id + 1) order by id",
      ),
    ).toEqual([1, 2]);
  });

  it("keeps rows without elements in a left join with UNNEST", async () => {
    expect(
      await column("select tag from p.d.items as i left join unnest(i.tags) as tag order by tag"),
    ).toEqual([null, "x", "y", "z"]);
  });

  it("wraps aggregates inside expressions, filters and windows", async () => {
    const query = `
      select lower(name) as key, if(count(*) > 1, 'many', 'one') as how, sum(sum(id)) over () as total,
        safe_divide(countif(id > 1), count(*)) as share
      from p.d.items group by key having count(*) >= 1 qualify row_number() over (order by key desc) = 1`;
    expect((await warehouse.query(query)).rows).toEqual([{ key: "ab", how: "many", total: 6, share: 0.5 }]);
  });

  it("refuses * over elements of unknown type", async () => {
    await expect(warehouse.query("select * from p.d.items as i, unnest(i.parts) as p")).rejects.toMatchObject(
      {
        construct: "* over UNNEST of elements of unknown type",
      },
    );
  });

  it("refuses to return a NULL inside an array", async () => {
    await expect(warehouse.query("select array_agg(name) as names from p.d.items")).rejects.toMatchObject({
      reason: "unsupported_value",
    });
  });
});
