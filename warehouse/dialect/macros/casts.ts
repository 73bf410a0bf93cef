/** CAST and SAFE_CAST, by target type. A text is checked before DuckDB reads it, because DuckDB reads more than BigQuery. */
import { type Macro, macro } from "./macro.ts";

const NUMERIC = "DECIMAL(38,9)";
const INTEGER_TEXT = "'[+-]?[0-9]+'";
const DECIMAL_TEXT = "'[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?'";
const FLOAT_TEXT = "'[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?|(?i)[+-]?inf(inity)?|(?i)nan'";

/** What looks like a day may be of a form that BigQuery reads and this library does not. */
const unprovenTime = (type: string): string =>
  `CASE WHEN regexp_matches(x, '^\\s*[0-9]{4}-|^\\s*[0-9]{1,2}:|^\\s|\\s$') THEN error('Unproven ${type} text: ' || x) ELSE NULL END`;

/** Reads a text that must match whole; otherwise the fallback: an error, or NULL for SAFE_CAST. */
function read(pattern: string, value: string, fallback: string): string {
  return `CASE WHEN regexp_full_match(x, ${pattern}) THEN ${value} WHEN x IS NOT NULL THEN ${fallback} END`;
}

const bad = (type: string): string => `error('Bad ${type} value: ' || x)`;
/** Texts with blanks or hexadecimal digits are not proven, and so SAFE_CAST does not guess that they are bad. */
const unproven = (type: string): string =>
  `CASE WHEN regexp_matches(x, '^\\s|\\s$|0[xX]') THEN error('Unproven ${type} text: ' || x) ELSE NULL END`;

function casts(safe: boolean): readonly Macro[] {
  const prefix = safe ? "safe_to" : "to";
  const cast = (value: string, type: string): string => `${safe ? "TRY_CAST" : "CAST"}(${value} AS ${type})`;
  const from = (type: string, pattern: string, target: string): readonly [string, string] => [
    "x STRING",
    read(pattern, cast("x", target), safe ? unproven(type) : bad(type)),
  ];
  return [
    macro(
      `${prefix}_int64`,
      "To INT64: fractions round half away from zero, texts must be whole numbers.",
      ["x INT64", "x"],
      ["x FLOAT64", cast("round(x)", "BIGINT")],
      ["x NUMERIC", cast("x", "BIGINT")],
      ["x BOOL", "CAST(x AS BIGINT)"],
      from("INT64", INTEGER_TEXT, "BIGINT"),
    ),
    macro(
      `${prefix}_float64`,
      "To FLOAT64.",
      ["x INT64", "x::DOUBLE"],
      ["x FLOAT64", "x"],
      ["x NUMERIC", "x::DOUBLE"],
      from("FLOAT64", FLOAT_TEXT, "DOUBLE"),
    ),
    macro(
      `${prefix}_numeric`,
      "To NUMERIC, nine digits behind the point, half away from zero.",
      ["x INT64", `x::${NUMERIC}`],
      ["x FLOAT64", cast("x", NUMERIC)],
      ["x NUMERIC", "x"],
      from("NUMERIC", DECIMAL_TEXT, NUMERIC),
    ),
    macro(
      `${prefix}_bool`,
      "To BOOL: zero is false, texts are true and false in any case.",
      ["x INT64", "x <> 0"],
      ["x BOOL", "x"],
      from("BOOL", "'(?i)true|(?i)false'", "BOOLEAN"),
    ),
    macro(
      `${prefix}_string`,
      "To STRING in BigQuery's canonical forms.",
      ["x STRING", "x"],
      ["x INT64", "x::VARCHAR"],
      ["x BOOL", "x::VARCHAR"],
      ["x NUMERIC", "rtrim(rtrim(x::VARCHAR, '0'), '.')"],
      ["x FLOAT64", "bq.text_of_float(x)"],
      ["x DATE", "x::VARCHAR"],
      ["x DATETIME", "bq.text_of_datetime(x)"],
      ["x TIMESTAMP", "bq.text_of_datetime(make_timestamp(epoch_us(x))) || '+00'"],
      ["x TIME", "left(x::VARCHAR, 8) || bq.fraction(microsecond(x) % 1000000)"],
      ["x BYTES", safe ? "TRY(decode(x))" : "decode(x)"],
    ),
    macro(`${prefix}_bytes`, "To BYTES: a text as UTF-8.", ["x STRING", "encode(x)"], ["x BYTES", "x"]),
    ...temporal(prefix, safe),
  ];
}

function temporal(prefix: string, safe: boolean): readonly Macro[] {
  const text = (type: string): readonly [string, string] => [
    "x STRING",
    `bq.${safe ? "safe_" : ""}${type}_of_text(x)`,
  ];
  return [
    macro(
      `${prefix}_date`,
      "To DATE: a TIMESTAMP by its day in UTC.",
      ["x DATE", "x"],
      ["x DATETIME", "x::DATE"],
      ["x TIMESTAMP", "make_timestamp(epoch_us(x))::DATE"],
      text("date"),
    ),
    macro(
      `${prefix}_datetime`,
      "To DATETIME: a TIMESTAMP as the clock in UTC.",
      ["x DATE", "x::TIMESTAMP"],
      ["x DATETIME", "x"],
      ["x TIMESTAMP", "make_timestamp(epoch_us(x))"],
      text("datetime"),
    ),
    macro(
      `${prefix}_timestamp`,
      "To TIMESTAMP: a clock without a zone is UTC.",
      ["x DATE", "make_timestamptz(epoch_us(x::TIMESTAMP))"],
      ["x DATETIME", "make_timestamptz(epoch_us(x))"],
      ["x TIMESTAMP", "x"],
      text("timestamp"),
    ),
    macro(
      `${prefix}_time`,
      "To TIME.",
      ["x TIME", "x"],
      ["x DATETIME", "x::TIME"],
      ["x TIMESTAMP", "make_timestamp(epoch_us(x))::TIME"],
      text("time"),
    ),
  ];
}

const DAY_TEXT = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}";
const CLOCK_TEXT = "[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.][0-9]{1,6})?";
const ZONE_TEXT = "( ?Z| ?z| UTC| ?[+-][0-9]{2}(:[0-9]{2})?)";

/** Texts of dates and times; `safe` twins answer NULL for a bad one. */
function texts(type: string, pattern: string, target: string): readonly Macro[] {
  const rule = `A text as ${target}; anything but the plain form is refused.`;
  return [
    macro(`${type}_of_text`, rule, ["x", read(`'${pattern}'`, `CAST(x AS ${target})`, bad(type))]),
    macro(`safe_${type}_of_text`, rule, [
      "x",
      read(`'${pattern}'`, `TRY_CAST(x AS ${target})`, unprovenTime(type)),
    ]),
  ];
}

export const conversions: readonly Macro[] = [
  ...casts(false),
  ...casts(true),
  ...texts("date", DAY_TEXT, "DATE"),
  ...texts("datetime", `${DAY_TEXT}([ Tt]${CLOCK_TEXT})?`, "TIMESTAMP"),
  ...texts("timestamp", `${DAY_TEXT}([ Tt]${CLOCK_TEXT})?${ZONE_TEXT}?`, "TIMESTAMPTZ"),
  ...texts("time", CLOCK_TEXT, "TIME"),
  macro("fraction", "Nothing, three or six digits of a second.", [
    "us",
    "CASE WHEN us = 0 THEN '' WHEN us % 1000 = 0 THEN '.' || lpad((us // 1000)::VARCHAR, 3, '0') ELSE '.' || lpad(us::VARCHAR, 6, '0') END",
  ]),
  macro("text_of_datetime", "Day, blank, clock, and the digits of the second that are needed.", [
    "t",
    "strftime(t, '%Y-%m-%d %H:%M:%S') || bq.fraction(((epoch_us(t) % 1000000) + 1000000) % 1000000)",
  ]),
  macro("text_of_float", "Whole numbers without a point; only the range whose form is proven.", [
    "x",
    `CASE WHEN x = floor(x) AND abs(x) < 1e15 THEN x::BIGINT::VARCHAR
          WHEN abs(x) >= 1e-4 AND abs(x) < 1e15 AND length(ltrim(replace(abs(x)::VARCHAR, '.', ''), '0')) <> 16 THEN x::VARCHAR
          WHEN x IS NOT NULL THEN error('The text of this FLOAT64 is not proven') END`,
  ]),
];
