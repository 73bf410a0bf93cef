import { describe, expect, it } from "@jest/globals";
import { fieldOf } from "../../../warehouse/dialect/types.ts";
import { distinctNames, resultValue } from "../../../warehouse/dialect/values.ts";
import type { Field } from "../../../warehouse/warehouse.ts";

const field = (type: string, mode: Field["mode"] = "NULLABLE"): Field => ({ name: "x", type, mode });

describe("resultValue", () => {
  it("gives INT64 as a number, and as a string beyond 2^53", () => {
    expect(resultValue(7n, field("INTEGER"))).toBe(7);
    expect(resultValue(9007199254740993n, field("INTEGER"))).toBe("9007199254740993");
  });

  it("gives times before 1970 and between seconds", () => {
    expect(resultValue({ micros: -1n }, field("TIMESTAMP"))).toBe("1969-12-31T23:59:59.999999+00:00");
    expect(resultValue({ days: -719_162 }, field("DATE"))).toBe("0001-01-01");
  });

  it("gives NaN and infinities by name, bytes as base64, a NULL array as an empty one", () => {
    expect(resultValue(Number.NaN, field("FLOAT"))).toBe("NaN");
    expect(resultValue({ bytes: Buffer.from("hi") }, field("BYTES"))).toBe("aGk=");
    expect(resultValue(null, field("INTEGER", "REPEATED"))).toEqual([]);
  });

  it("refuses a NULL in an array and a year that BigQuery has not", () => {
    expect(() => resultValue({ items: [null] }, field("INTEGER", "REPEATED"))).toThrow("NULL in it");
    expect(() => resultValue({ days: 3_000_000 }, field("DATE"))).toThrow("outside the years");
  });
});

describe("fieldOf", () => {
  it("refuses types outside the closed set", () => {
    expect(() => fieldOf("x", { toString: () => "HUGEINT" })).toThrow("HUGEINT");
    expect(() => fieldOf("x", { toString: () => "DECIMAL(18,3)" })).toThrow("DECIMAL(18,3)");
  });

  it("describes arrays of structs", () => {
    const struct = {
      entryNames: ["a"],
      entryTypes: [{ toString: () => "BIGINT" }],
      toString: () => "STRUCT",
    };
    expect(fieldOf("x", { valueType: struct, toString: () => "STRUCT[]" })).toMatchObject({
      type: "RECORD",
      mode: "REPEATED",
      fields: [{ name: "a", type: "INTEGER" }],
    });
  });
});

describe("distinctNames", () => {
  it("numbers names that come again", () => {
    expect(distinctNames(["x", "y", "X", "x"])).toEqual(["x", "y", "X_1", "x_2"]);
  });
});
