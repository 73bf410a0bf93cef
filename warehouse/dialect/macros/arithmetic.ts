/** Operators on numbers. INT64 and NUMERIC overflow and division by zero are errors, never other numbers. */
import { type Macro, macro } from "./macro.ts";

const NUMERIC = "DECIMAL(38,9)";

/** All pairs of number types with the body for pairs of integers, pairs with a NUMERIC, and pairs with a FLOAT64. */
function pairs(integer: string, numeric: string, float: string): readonly (readonly [string, string])[] {
  const types = ["INT64", "NUMERIC", "FLOAT64"];
  return types.flatMap((left) =>
    types.map((right) => {
      const both = `${left} ${right}`;
      const body = both.includes("FLOAT64") ? float : both.includes("NUMERIC") ? numeric : integer;
      return [`a ${left}, b ${right}`, body] as const;
    }),
  );
}

const DIVISION_BY_ZERO = "error('division by zero')";
const numericOf = (value: string): string => `CAST(${value} AS ${NUMERIC})`;

export const arithmetic: readonly Macro[] = [
  macro(
    "add",
    "The sum; a DATE plus an INT64 counts days.",
    ...pairs("a + b", `${numericOf("a")} + ${numericOf("b")}`, "a::DOUBLE + b::DOUBLE"),
    ["a DATE, b INT64", "a + b::INTEGER"],
    ["a INT64, b DATE", "b + a::INTEGER"],
  ),
  macro(
    "subtract",
    "The difference; a DATE minus an INT64 counts days.",
    ...pairs("a - b", `${numericOf("a")} - ${numericOf("b")}`, "a::DOUBLE - b::DOUBLE"),
    ["a DATE, b INT64", "a - b::INTEGER"],
  ),
  macro(
    "multiply",
    "The product; NUMERIC rounds half away from zero to nine digits.",
    ...pairs("a * b", numericOf("a * b"), "a::DOUBLE * b::DOUBLE"),
  ),
  macro(
    "divide",
    "The quotient, a FLOAT64 for two INT64; zero as divisor is an error.",
    ...pairs(
      "a::DOUBLE / bq.not_zero(b::DOUBLE)",
      "bq.numeric_quotient(a, bq.not_zero(b))",
      "a::DOUBLE / bq.not_zero(b::DOUBLE)",
    ),
  ),
  macro("not_zero", "A divisor that is checked.", [
    "x",
    `CASE WHEN x = 0 THEN ${DIVISION_BY_ZERO} ELSE x END`,
  ]),
  macro("numeric_quotient", "NUMERIC division on integers scaled by 10^9, rounded half away from zero.", [
    "a, b",
    "bq.scaled_quotient(CAST(CAST(a AS DECIMAL(38,9)) * 1000000000 AS HUGEINT) * 1000000000, CAST(CAST(b AS DECIMAL(38,9)) * 1000000000 AS HUGEINT))",
  ]),
  macro("scaled_quotient", "p / q of scaled integers as NUMERIC.", [
    "p, q",
    "CAST(CAST((CASE WHEN (p < 0) = (q < 0) THEN 1 ELSE -1 END) * ((2 * abs(p) + abs(q)) // (2 * abs(q))) AS DECIMAL(38,0)) * 0.000000001::DECIMAL(10,9) AS DECIMAL(38,9))",
  ]),
  macro(
    "negate",
    "The number with the other sign.",
    ["a INT64", "-a"],
    ["a FLOAT64", "-a"],
    ["a NUMERIC", "-a"],
  ),
  macro("bit_not", "All bits turned.", ["a INT64", "~a"]),
  macro("bit_and2", "Bits in both.", ["a INT64, b INT64", "a & b"]),
  macro("bit_or2", "Bits in one or both.", ["a INT64, b INT64", "a | b"]),
  macro("bit_xor2", "Bits in one only.", ["a INT64, b INT64", "xor(a, b)"]),
  macro("shift_left", "Bits moved up; only where no bit reaches the sign.", [
    "a INT64, b INT64",
    "CASE WHEN a < 0 OR b < 0 OR b > 62 THEN error('shift outside the proven range') ELSE a << b END",
  ]),
  macro("shift_right", "Bits moved down; only for numbers that are not negative.", [
    "a INT64, b INT64",
    "CASE WHEN a < 0 OR b < 0 OR b > 62 THEN error('shift outside the proven range') ELSE a >> b END",
  ]),
];
