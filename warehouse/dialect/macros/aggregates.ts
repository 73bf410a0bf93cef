/** What stands around aggregates so that their results have BigQuery's types. The last parameter is the argument as a witness. */
import { type Macro, macro } from "./macro.ts";

const ORDERED = ["INT64", "NUMERIC", "STRING", "BOOL", "DATE", "DATETIME", "TIMESTAMP", "TIME", "BYTES"];

export const aggregates: readonly Macro[] = [
  macro(
    "sum_as",
    "SUM keeps the type of its argument; INT64 overflow is an error.",
    ["s, x INT64", "s::BIGINT"],
    ["s, x FLOAT64", "s"],
    ["s, x NUMERIC", "s::DECIMAL(38,9)"],
  ),
  macro(
    "avg_as",
    "AVG is FLOAT64 for INT64 and FLOAT64, NUMERIC for NUMERIC.",
    ["a, s, n, x INT64", "a"],
    ["a, s, n, x FLOAT64", "a"],
    ["a, s, n, x NUMERIC", "bq.numeric_quotient(s, nullif(n, 0))"],
  ),
  macro(
    "avg_type",
    "A value of AVG's type, for witnesses.",
    ["x INT64", "0::DOUBLE"],
    ["x FLOAT64", "0::DOUBLE"],
    ["x NUMERIC", "0::DECIMAL(38,9)"],
  ),
  macro(
    "min_as",
    "MIN is NaN when any value is; DuckDB's greatest value is NaN.",
    ["low, high, x FLOAT64", "CASE WHEN isnan(high) THEN high ELSE low END"],
    ...ORDERED.map((type) => [`low, high, x ${type}`, "low"] as const),
  ),
  macro(
    "max_as",
    "MAX of a type that has an order.",
    ["high, x FLOAT64", "high"],
    ...ORDERED.map((type) => [`high, x ${type}`, "high"] as const),
  ),
  macro(
    "float_of",
    "The argument of a statistical aggregate as FLOAT64.",
    ["x INT64", "x::DOUBLE"],
    ["x FLOAT64", "x"],
    ["x NUMERIC", "x::DOUBLE"],
  ),
  macro(
    "percentile_of",
    "An argument whose percentiles are FLOAT64.",
    ["x INT64", "x::DOUBLE"],
    ["x FLOAT64", "x"],
  ),
  macro("not_negative_of", "An INT64 whose digits to another base have no sign.", [
    "x INT64",
    "CASE WHEN x < 0 THEN error('The form of a negative number is not proven') ELSE x END",
  ]),
  macro("integer_of", "An argument that must be INT64.", ["x INT64", "x"]),
  macro("string_of", "An argument that must be STRING.", ["x STRING", "x"]),
  macro("condition_of", "An argument that must be BOOL.", ["x BOOL", "x"]),
];
