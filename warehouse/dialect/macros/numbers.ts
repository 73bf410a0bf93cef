/** Functions on numbers. */
import { type Macro, macro } from "./macro.ts";

const NUMERIC = "DECIMAL(38,9)";

/** A function of FLOAT64 that takes INT64 and NUMERIC as FLOAT64 too. */
function float(name: string, rule: string, body: string): Macro {
  const types = ["INT64", "FLOAT64", "NUMERIC"];
  return macro(
    name,
    rule,
    ...types.map((type) => [`x ${type}`, body.replaceAll("x!", "x::DOUBLE")] as const),
  );
}

/** CEIL and its like: FLOAT64 for INT64, otherwise the type of the argument. */
function whole(name: string, rule: string, call: string): Macro {
  return macro(
    name,
    rule,
    ["x INT64", "x::DOUBLE"],
    ["x FLOAT64", `${call}(x)`],
    ["x NUMERIC", `${call}(x)::${NUMERIC}`],
  );
}

const outside = (name: string, test: string, value: string): string =>
  `CASE WHEN ${test} THEN error('${name} outside its domain') ELSE ${value} END`;

export const numbers: readonly Macro[] = [
  macro(
    "abs",
    "The distance from zero.",
    ["x INT64", "abs(x)"],
    ["x FLOAT64", "abs(x)"],
    ["x NUMERIC", "abs(x)"],
  ),
  macro(
    "sign",
    "-1, 0 or 1 in the argument's type; NaN stays NaN.",
    ["x INT64", "sign(x)::BIGINT"],
    ["x FLOAT64", "CASE WHEN isnan(x) THEN x ELSE sign(x)::DOUBLE END"],
    ["x NUMERIC", `sign(x)::${NUMERIC}`],
  ),
  whole("ceil", "The next whole number upwards.", "ceil"),
  whole("floor", "The next whole number downwards.", "floor"),
  macro(
    "round",
    "The nearest whole number, halves away from zero, or the nearest with so many digits.",
    ["x INT64", "x::DOUBLE"],
    ["x FLOAT64", "round(x)"],
    ["x NUMERIC", `round(x)::${NUMERIC}`],
    ["x INT64, n", "round(x::DOUBLE, n)"],
    ["x FLOAT64, n", "round(x, n)"],
    ["x NUMERIC, n", `round(x, n)::${NUMERIC}`],
  ),
  whole("trunc", "The whole part.", "trunc"),
  float("sqrt", "The square root; of a negative number an error.", outside("SQRT", "x! < 0", "sqrt(x!)")),
  float("cbrt", "The cube root.", "cbrt(x!)"),
  float("exp", "e to the power of x.", "bq.exceeds('EXP', exp(x!), x!)"),
  float("ln", "The natural logarithm.", outside("LN", "x! <= 0", "ln(x!)")),
  float(
    "safe_ln",
    "The natural logarithm, NULL outside its domain.",
    "CASE WHEN x! <= 0 THEN NULL ELSE ln(x!) END",
  ),
  float("log10", "The logarithm to base 10.", outside("LOG10", "x! <= 0", "log10(x!)")),
  float("sin", "The sine.", "sin(x!)"),
  float("cos", "The cosine.", "cos(x!)"),
  float("tan", "The tangent.", "tan(x!)"),
  float("asin", "The inverse sine.", outside("ASIN", "abs(x!) > 1", "asin(x!)")),
  float("acos", "The inverse cosine.", outside("ACOS", "abs(x!) > 1", "acos(x!)")),
  float("atan", "The inverse tangent.", "atan(x!)"),
  float("sinh", "The hyperbolic sine.", "bq.exceeds('SINH', sinh(x!), x!)"),
  float("cosh", "The hyperbolic cosine.", "bq.exceeds('COSH', cosh(x!), x!)"),
  float("tanh", "The hyperbolic tangent.", "tanh(x!)"),
  float("asinh", "The inverse hyperbolic sine.", "asinh(x!)"),
  float("acosh", "The inverse hyperbolic cosine.", outside("ACOSH", "x! < 1", "acosh(x!)")),
  float("atanh", "The inverse hyperbolic tangent.", outside("ATANH", "abs(x!) >= 1", "atanh(x!)")),
  float("cot", "The cotangent.", outside("COT", "x! = 0", "1 / tan(x!)")),
  float("csc", "The cosecant.", outside("CSC", "x! = 0", "1 / sin(x!)")),
  float("sec", "The secant.", "1 / cos(x!)"),
  float("coth", "The hyperbolic cotangent.", outside("COTH", "x! = 0", "1 / tanh(x!)")),
  float("csch", "The hyperbolic cosecant.", outside("CSCH", "x! = 0", "1 / sinh(x!)")),
  float("sech", "The hyperbolic secant.", "1 / cosh(x!)"),
  macro("exceeds", "A finite argument with an infinite result is an error.", [
    "name, result, x",
    "CASE WHEN isinf(result) AND NOT isinf(x) THEN error(name || ' exceeds FLOAT64') ELSE result END",
  ]),
  macro(
    "log",
    "The natural logarithm, or the logarithm to a base.",
    ["x FLOAT64", outside("LOG", "x <= 0", "ln(x)")],
    ["x FLOAT64, b FLOAT64", outside("LOG", "x <= 0 OR b <= 0 OR b = 1", "ln(x) / ln(b)")],
  ),
  macro(
    "pow",
    "x to the power of y, a FLOAT64.",
    ["x FLOAT64, y FLOAT64", "bq.power(x, y)"],
    ["x INT64, y INT64", "bq.power(x::DOUBLE, y::DOUBLE)"],
    ["x INT64, y FLOAT64", "bq.power(x::DOUBLE, y)"],
    ["x FLOAT64, y INT64", "bq.power(x, y::DOUBLE)"],
  ),
  macro("power", "Outside the real numbers an error.", [
    "x, y",
    "CASE WHEN (x = 0 AND y < 0) OR (x < 0 AND y <> floor(y)) THEN error('POW outside its domain') ELSE bq.exceeds('POW', pow(x, y), x) END",
  ]),
  macro("div", "The whole part of a quotient, towards zero.", [
    "a INT64, b INT64",
    "bq.whole_quotient(a, bq.not_zero(b))",
  ]),
  macro("whole_quotient", "Division of integers towards zero.", ["a, b", "a // b"]),
  macro(
    "mod",
    "The remainder with the sign of the dividend.",
    ["a INT64, b INT64", "a % bq.not_zero(b)"],
    ["a NUMERIC, b NUMERIC", `(a % bq.not_zero(b))::${NUMERIC}`],
    ["a NUMERIC, b INT64", `(a % bq.not_zero(b)::${NUMERIC})::${NUMERIC}`],
  ),
  macro(
    "safe_divide",
    "The quotient, or NULL when the divisor is zero.",
    ["a INT64, b INT64", "a::DOUBLE / nullif(b, 0)::DOUBLE"],
    ["a FLOAT64, b FLOAT64", "a / nullif(b, 0)"],
    ["a INT64, b FLOAT64", "a::DOUBLE / nullif(b, 0)"],
    ["a FLOAT64, b INT64", "a / nullif(b, 0)::DOUBLE"],
    ["a NUMERIC, b FLOAT64", "a::DOUBLE / nullif(b, 0)"],
    ["a FLOAT64, b NUMERIC", "a / nullif(b, 0)::DOUBLE"],
    ["a NUMERIC, b NUMERIC", "bq.numeric_quotient(a, nullif(b, 0))"],
    ["a INT64, b NUMERIC", "bq.numeric_quotient(a, nullif(b, 0))"],
    ["a NUMERIC, b INT64", "bq.numeric_quotient(a, nullif(b, 0))"],
  ),
  macro("safe_add", "The sum, or NULL on overflow.", [
    "a INT64, b INT64",
    "TRY_CAST(a::HUGEINT + b AS BIGINT)",
  ]),
  macro("safe_subtract", "The difference, or NULL on overflow.", [
    "a INT64, b INT64",
    "TRY_CAST(a::HUGEINT - b AS BIGINT)",
  ]),
  macro("safe_multiply", "The product, or NULL on overflow.", [
    "a INT64, b INT64",
    "TRY_CAST(a::HUGEINT * b AS BIGINT)",
  ]),
  macro("safe_negate", "The negative, or NULL on overflow.", [
    "a INT64",
    "TRY_CAST(-(a::HUGEINT) AS BIGINT)",
  ]),
  float("is_inf", "Whether the number is infinite.", "isinf(x!)"),
  float("is_nan", "Whether the number is NaN.", "isnan(x!)"),
  macro(
    "ieee_divide",
    "The quotient by IEEE 754: never an error.",
    ["a INT64, b INT64", "a::DOUBLE / b::DOUBLE"],
    ["a FLOAT64, b FLOAT64", "a / b"],
  ),
  macro("bit_count", "How many bits are set.", ["x INT64", "bit_count(x)::BIGINT"]),
  ...extreme("greatest", "list_max"),
  ...extreme("least", "list_min"),
];

/** GREATEST and LEAST: NULL when any argument is NULL, NaN when any is NaN. */
function extreme(name: string, call: string): readonly Macro[] {
  const types = ["INT64", "NUMERIC", "STRING", "BOOL", "DATE", "DATETIME", "TIMESTAMP"];
  const value = `CASE WHEN list_count(l) < len(l) THEN NULL ELSE ${call}(l) END`;
  const float = `CASE WHEN list_count(l) = len(l) AND list_max(l) = 'NaN'::DOUBLE THEN list_max(l) ELSE ${value} END`;
  return [
    macro(
      name,
      `${name}: NULL or NaN when any argument is.`,
      ...types.map((type) => [`l ${type}[]`, value] as const),
      ["l FLOAT64[]", float],
    ),
  ];
}
