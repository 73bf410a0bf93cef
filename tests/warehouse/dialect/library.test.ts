import { DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, it } from "@jest/globals";
import {
  findMacro,
  installations,
  macroNames,
  macrosIn,
  parameterUses,
} from "../../../warehouse/dialect/library.ts";

/** Functions that the adapter computes in JavaScript; here only their types matter. */
const STAND_INS = `
  CREATE MACRO darkroom_fingerprint(x) AS length(x);
  CREATE MACRO darkroom_sha512(x) AS x;`;

describe("the library", () => {
  it("installs whole, with all twins: DuckDB checks every body", async () => {
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    await connection.run(`ATTACH ':memory:' AS bq; ${STAND_INS}`);
    const statements = installations([...macroNames, ...macroNames.map((name) => `${name}_w`)], new Set());
    for (const statement of statements) await connection.run(statement);
    expect(statements.length).toBeGreaterThan(macroNames.length);
    connection.closeSync();
    instance.closeSync();
  });

  it("installs what a statement calls and what that calls, once", () => {
    const installed = new Set<string>();
    const names = macrosIn('SELECT bq.divide("a", "b"), bq.divide_w(1, 2, 3, 4)');
    const first = installations(names, installed).map((statement) => /bq\.(\w+)/.exec(statement)?.[1]);
    expect(first).toEqual(["not_zero", "scaled_quotient", "numeric_quotient", "divide", "divide_w"]);
    expect(installations(names, installed)).toEqual([]);
  });

  it("finds no macro that it does not have", () => {
    expect(macrosIn("bq.nothing(1)").size).toBe(0);
    expect(findMacro("nothing")).toBeUndefined();
  });

  it("counts how a body repeats its parameters", () => {
    expect(parameterUses("add")).toEqual([1, 1]);
    expect(parameterUses("upper")[0]).toBeGreaterThan(1);
  });
});
