/** Comparisons: only between types that BigQuery compares, and never true for NaN. */
import { type Macro, macro } from "./macro.ts";

const SAME = ["INT64", "NUMERIC", "STRING", "BOOL", "DATE", "DATETIME", "TIMESTAMP", "TIME", "BYTES"];
const EXACT_MIXES = ["INT64 NUMERIC", "NUMERIC INT64", "DATE DATETIME", "DATETIME DATE"];
const FLOAT_MIXES = [
  "FLOAT64 FLOAT64",
  "INT64 FLOAT64",
  "FLOAT64 INT64",
  "NUMERIC FLOAT64",
  "FLOAT64 NUMERIC",
];
const REFUSED_MIXES = ["DATE TIMESTAMP", "TIMESTAMP DATE", "DATETIME TIMESTAMP", "TIMESTAMP DATETIME"];

function comparison(name: string, rule: string, exact: string, float: string): Macro {
  const pair = (types: string, body: string): readonly [string, string] => {
    const [left = "", right = ""] = types.split(" ");
    return [`a ${left}, b ${right}`, body];
  };
  return macro(
    name,
    rule,
    ...SAME.map((type) => pair(`${type} ${type}`, exact)),
    ...EXACT_MIXES.map((types) => pair(types, exact)),
    ...FLOAT_MIXES.map((types) => pair(types, float)),
    ...REFUSED_MIXES.map((types) =>
      pair(types, `error('No comparison of ${types.replace(" ", " with ")}')::BOOLEAN`),
    ),
  );
}

// DuckDB holds NaN equal to itself and above every number; each float body takes that back and keeps NULL for NULL.
const BOTH_NAN = "isnan(a::DOUBLE) AND isnan(b::DOUBLE)";
const RIGHT_NAN = "isnan(b::DOUBLE) AND a IS NOT NULL";
const LEFT_NAN = "isnan(a::DOUBLE) AND b IS NOT NULL";

const IS_NAN_RULE = "A comparison with NaN is false, save that NaN differs from everything.";

export const comparisons: readonly Macro[] = [
  comparison("eq", IS_NAN_RULE, "a = b", `a::DOUBLE = b::DOUBLE AND NOT (${BOTH_NAN})`),
  comparison("ne", IS_NAN_RULE, "a <> b", `a::DOUBLE <> b::DOUBLE OR (${BOTH_NAN})`),
  comparison("lt", IS_NAN_RULE, "a < b", `a::DOUBLE < b::DOUBLE AND NOT (${RIGHT_NAN})`),
  comparison("le", IS_NAN_RULE, "a <= b", `a::DOUBLE <= b::DOUBLE AND NOT (${RIGHT_NAN})`),
  comparison("gt", IS_NAN_RULE, "a > b", `a::DOUBLE > b::DOUBLE AND NOT (${LEFT_NAN})`),
  comparison("ge", IS_NAN_RULE, "a >= b", `a::DOUBLE >= b::DOUBLE AND NOT (${LEFT_NAN})`),
  macro("matches_like", "LIKE: % any text, _ one character, a backslash takes the meaning away.", [
    "a STRING, b STRING",
    "a LIKE b ESCAPE '\\'",
  ]),
];
