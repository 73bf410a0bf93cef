import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Refusal } from "../../../warehouse/dialect/refusal.ts";
import { translate } from "../../../warehouse/dialect/translate.ts";

const options = { project: "darkroom" };

function refusalOf(sql: string): Refusal {
  try {
    translate(sql, options);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error(`not refused: ${sql}`);
}

describe("translate", () => {
  it("names tables in full whatever their quoting", () => {
    const names = ["`p.d.t`", "`p`.`d`.`t`", "p.d.t", "p.`d.t`"];
    const sql = names.map((name) => translate(`select 1 as x from ${name}`, options)[0]?.sql[0]);
    expect(new Set(sql)).toEqual(new Set(['SELECT CAST(1 AS BIGINT) AS "x" FROM "p"."d"."t" AS "t"']));
  });

  it("gives a name without a project the project at hand", () => {
    expect(translate("select x from d.t", options)[0]?.references).toEqual([
      { project: "darkroom", dataset: "d", name: "t" },
    ]);
  });

  it("reads a project with hyphens without quotes", () => {
    expect(translate("select x from my-project-1.d.t", options)[0]?.references[0]?.project).toBe(
      "my-project-1",
    );
  });

  it("takes a bare name for a CTE before a table", () => {
    const [translated] = translate("with t as (select 1 as x) select x from t", { ...options, dataset: "d" });
    expect(translated?.references).toEqual([]);
  });

  it("splits a script and keeps the text of each statement", () => {
    const statements = translate("select 1; -- first\n create schema if not exists d;", options);
    expect(statements.map(({ kind }) => kind)).toEqual(["query", "other"]);
    expect(statements[0]?.source).toBe("select 1");
  });

  it("guards a merge against several source rows for one target row", () => {
    const [translated] = translate(
      "merge d.t T using (select 1 as k) S on T.k = S.k when matched then update set k = S.k",
      options,
    );
    expect(translated?.guards).toHaveLength(1);
  });

  it.each([
    ["select st_geogpoint(1, 2)", "The function ST_GEOGPOINT", 1, 8],
    ["select a\nfrom t", "The table t without a dataset", 2, 6],
    ["declare x int64", "The statement DECLARE", 1, 1],
    ["select * from d.`events_*`", "A wildcard table", 1, 15],
    ["select 1 as x from d.t tablesample system (1 percent)", "TABLESAMPLE", 1, 24],
    ["select timestamp_add(ts, interval 1 month) from d.t", "The part MONTH in TIMESTAMP_ADD", 1, 26],
    ["select format_date('%Q', d) from d.t", "The element %Q in FORMAT_DATE", 1, 20],
    ["select cast(1 as geography)", "The type geography", 1, 18],
    ["select @day", "The parameter or variable @day", 1, 8],
  ])("refuses %j by name and place", (sql, construct, line, column) => {
    expect(refusalOf(sql)).toMatchObject({ construct, line, column, reason: "unsupported_sql" });
  });

  it.each(["SLECT 1", "select substr('a')", "update d.t set x = 1", "create table d.t as select 1"])(
    "calls %j invalid, as BigQuery does",
    (sql) => {
      expect(refusalOf(sql).reason).toBe("invalid_sql");
    },
  );

  it("sees a column named as a date part where a value stands", () => {
    expect(translate("select date_trunc(month, month) as m from d.t", options)[0]?.sql[0]).toContain(
      'bq.trunc_month("month")',
    );
  });

  const words = fc.constantFrom(
    ..."select from where group by order ( ) , . * + - = < case when then end array struct < > [ ] 1 1.5 'a' ` x `d.t` unnest with as over partition interval day null ; \n -- /* */ r' @p like in between not union all".split(
      " ",
    ),
  );

  it("answers any text with a tree or with a refusal whose place lies inside it", () => {
    const anyText = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(words, { maxLength: 40 }).map((all) => all.join(" ")),
    );
    fc.assert(
      fc.property(anyText, (sql) => {
        try {
          translate(sql, options);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          const lines = sql.split("\n");
          expect(error.line).toBeGreaterThanOrEqual(1);
          expect(error.line).toBeLessThanOrEqual(lines.length);
          expect(error.column).toBeGreaterThanOrEqual(1);
          expect(error.column).toBeLessThanOrEqual((lines[error.line - 1] ?? "").length + 1);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("refuses nesting that would exhaust the stack", () => {
    expect(refusalOf(`select ${"(".repeat(5000)}1${")".repeat(5000)}`).construct).toBe("Nesting this deep");
  });
});
