import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { fieldOf, rowOf } from "../../warehouse/bigquery-values.ts";

const value = (type: string, v: unknown, mode = "NULLABLE") => {
  const field = fieldOf({ name: "x", type, mode });
  return rowOf({ f: [{ v }] }, [field]).x;
};

describe("values of a REST result", () => {
  it.each([
    ["INT64", "5", 5],
    ["INTEGER", "9007199254740993", "9007199254740993"],
    ["INTEGER", "-9007199254740991", -9007199254740991],
    ["FLOAT64", "1.5E300", 1.5e300],
    ["FLOAT", "NaN", "NaN"],
    ["FLOAT", "nan", "NaN"],
    ["FLOAT", "-inf", "-Infinity"],
    ["FLOAT", "Infinity", "Infinity"],
    ["BOOL", "true", true],
    ["BOOLEAN", "false", false],
    ["NUMERIC", "12.500000000", "12.5"],
    ["NUMERIC", "-0.10", "-0.1"],
    ["NUMERIC", "100", "100"],
    ["NUMERIC", "1E+3", "1000"],
    ["NUMERIC", "-1.5e-9", "-0.0000000015"],
    ["NUMERIC", "0E-9", "0"],
    ["NUMERIC", "-0", "0"],
    ["TIMESTAMP", "1769853600500000", "2026-01-31T10:00:00.500000+00:00"],
    ["TIMESTAMP", "-1", "1969-12-31T23:59:59.999999+00:00"],
    ["TIMESTAMP", "253402300799999999", "9999-12-31T23:59:59.999999+00:00"],
    ["TIMESTAMP", "-62135596800000000", "0001-01-01T00:00:00.000000+00:00"],
    ["DATE", "2026-01-31", "2026-01-31"],
    ["DATETIME", "2026-01-31T10:00:00", "2026-01-31T10:00:00.000000"],
    ["DATETIME", "2026-01-31T10:00:00.5", "2026-01-31T10:00:00.500000"],
    ["TIME", "10:00:00.000007", "10:00:00.000007"],
    ["BYTES", "YWI=", "YWI="],
    ["JSON", '{"a":1}', '{"a":1}'],
    ["STRING", "", ""],
    ["STRING", null, null],
  ])("%s %j is %j", (type, v, expected) => {
    expect(value(type, v)).toBe(expected);
  });

  it("gives arrays and records, an array that is NULL as an empty one", () => {
    expect(value("INTEGER", [{ v: "1" }, { v: "2" }], "REPEATED")).toEqual([1, 2]);
    expect(value("INTEGER", null, "REPEATED")).toEqual([]);
    const record = fieldOf({
      name: "r",
      type: "STRUCT",
      mode: "REPEATED",
      fields: [
        { name: "a", type: "INT64" },
        { name: "b", type: "STRING", mode: "REPEATED" },
      ],
    });
    expect(record.type).toBe("RECORD");
    const cells = { f: [{ v: [{ v: { f: [{ v: "1" }, { v: [{ v: "x" }] }] } }] }] };
    expect(rowOf(cells, [record])).toEqual({ r: [{ a: 1, b: ["x"] }] });
  });

  it("keeps every digit of a decimal", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 29n), max: 10n ** 29n }), fc.nat(9), (digits, scale) => {
        const plain = value("NUMERIC", `${digits}E-${scale}`);
        const [whole = "", fraction = ""] = String(plain).split(".");
        expect(BigInt(whole + fraction.padEnd(scale, "0"))).toBe(digits);
      }),
    );
  });

  it("keeps every microsecond", () => {
    const first = -62135596800000000n;
    fc.assert(
      fc.property(fc.bigInt({ min: first, max: 253402300799999999n }), (microseconds) => {
        const text = String(value("TIMESTAMP", String(microseconds)));
        const millis = BigInt(Date.parse(`${text.slice(0, 23)}Z`));
        expect(millis * 1000n + BigInt(text.slice(23, 26))).toBe(microseconds);
      }),
    );
  });
});
