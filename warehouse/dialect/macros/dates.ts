/** Functions on DATE, DATETIME, TIMESTAMP and TIME that have no date part among their arguments. */
import { type Macro, macro } from "./macro.ts";

/** The clock in UTC of a TIMESTAMP, and the TIMESTAMP of a clock in UTC: cheaper than a zone conversion. */
export const utcClock = (timestamp: string): string => `make_timestamp(epoch_us(${timestamp}))`;
export const atUtc = (clock: string): string => `make_timestamptz(epoch_us(${clock}))`;

/** Seconds and milliseconds since 1970, rounded down. */
const floored = (us: string, unit: number): string =>
  `(${us} - ((${us} % ${unit}) + ${unit}) % ${unit}) // ${unit}`;

export const dates: readonly Macro[] = [
  macro(
    "date_of",
    "The day of a clock or of a TIMESTAMP in UTC or a zone, or year, month and day.",
    ["x DATE", "x"],
    ["x DATETIME", "x::DATE"],
    ["x TIMESTAMP", `${utcClock("x")}::DATE`],
    ["x TIMESTAMP, zone STRING", "(x AT TIME ZONE zone)::DATE"],
    ["y INT64, m INT64, d INT64", "make_date(y, m, d)"],
  ),
  macro(
    "datetime_of",
    "A clock without a zone.",
    ["x DATE", "x::TIMESTAMP"],
    ["x DATETIME", "x"],
    ["x TIMESTAMP", utcClock("x")],
    ["x TIMESTAMP, zone STRING", "x AT TIME ZONE zone"],
    ["x DATE, t TIME", "x + t"],
    ["y INT64, m INT64, d INT64, h INT64, n INT64, s INT64", "make_timestamp(y, m, d, h, n, s::DOUBLE)"],
  ),
  macro(
    "timestamp_of",
    "A point in time; a clock without a zone is UTC unless a zone is named.",
    ["x STRING", "bq.timestamp_of_text(x)"],
    ["x DATE", atUtc("x::TIMESTAMP")],
    ["x DATETIME", atUtc("x")],
    ["x TIMESTAMP", "x"],
    ["x DATE, zone STRING", "x::TIMESTAMP AT TIME ZONE zone"],
    ["x DATETIME, zone STRING", "x AT TIME ZONE zone"],
  ),
  macro(
    "time_of",
    "The clock's time of day, or hour, minute and second.",
    ["x TIME", "x"],
    ["x DATETIME", "x::TIME"],
    ["x TIMESTAMP", `${utcClock("x")}::TIME`],
    ["x TIMESTAMP, zone STRING", "(x AT TIME ZONE zone)::TIME"],
    ["h INT64, m INT64, s INT64", "make_time(h, m, s::DOUBLE)"],
  ),
  macro("current_timestamp", "When the statement began.", ["", "now()"]),
  macro(
    "current_date",
    "Today in UTC or a zone.",
    ["", `${utcClock("now()")}::DATE`],
    ["zone STRING", "(now() AT TIME ZONE zone)::DATE"],
  ),
  macro(
    "current_datetime",
    "The clock in UTC or a zone.",
    ["", utcClock("now()")],
    ["zone STRING", "now() AT TIME ZONE zone"],
  ),
  macro(
    "current_time",
    "The time of day in UTC or a zone.",
    ["", `${utcClock("now()")}::TIME`],
    ["zone STRING", "(now() AT TIME ZONE zone)::TIME"],
  ),
  macro("unix_seconds", "Whole seconds since 1970.", ["x TIMESTAMP", floored("epoch_us(x)", 1_000_000)]),
  macro("unix_millis", "Whole milliseconds since 1970.", ["x TIMESTAMP", floored("epoch_us(x)", 1000)]),
  macro("unix_micros", "Microseconds since 1970.", ["x TIMESTAMP", "epoch_us(x)"]),
  macro("unix_date", "Days since 1970.", ["x DATE", "(x - DATE '1970-01-01')::BIGINT"]),
  macro("timestamp_seconds", "The TIMESTAMP of seconds since 1970.", [
    "n INT64",
    "make_timestamptz(n * 1000000)",
  ]),
  macro("timestamp_millis", "The same of milliseconds.", ["n INT64", "make_timestamptz(n * 1000)"]),
  macro("timestamp_micros", "The same of microseconds.", ["n INT64", "make_timestamptz(n)"]),
  macro("date_from_unix_date", "The DATE of days since 1970.", ["n INT64", "DATE '1970-01-01' + n::INTEGER"]),
  macro("formatted", "Years before 1000 are not padded: a mark before each tells where to take zeros away.", [
    "x, f, marked",
    "CASE WHEN year(x) < 1000 THEN regexp_replace(strftime(x, marked), '\\x01(00?0?)', '', 'g') ELSE strftime(x, f) END",
  ]),
  macro("format_date", "A DATE by a pattern.", ["x DATE, f, marked", "bq.formatted(x, f, marked)"]),
  macro("format_datetime", "A DATETIME by a pattern.", [
    "x DATETIME, f, marked",
    "bq.formatted(x, f, marked)",
  ]),
  macro(
    "format_timestamp",
    "A TIMESTAMP by a pattern, in UTC or a zone.",
    ["x TIMESTAMP, f, marked", `bq.formatted(${utcClock("x")}, f, marked)`],
    ["x TIMESTAMP, f, marked, zone STRING", "bq.formatted(x AT TIME ZONE zone, f, marked)"],
  ),
  macro("format_time", "A TIME by a pattern.", ["x TIME, f, marked", "strftime(DATE '1970-01-01' + x, f)"]),
  ...parsers(),
  macro("string_of_timestamp", "A TIMESTAMP as text, in UTC.", [
    "x TIMESTAMP",
    `bq.text_of_datetime(${utcClock("x")}) || '+00'`,
  ]),
];

/** PARSE_ functions and their SAFE. forms. */
function parsers(): readonly Macro[] {
  const target = {
    date: (t: string) => `${t}::DATE`,
    datetime: (t: string) => t,
    timestamp: atUtc,
    time: (t: string) => `${t}::TIME`,
  };
  return Object.entries(target).flatMap(([type, convert]) => [
    macro(`parse_${type}`, `A text by a pattern as ${type.toUpperCase()}.`, [
      "x STRING, f",
      convert("strptime(x, f)"),
    ]),
    macro(`safe_parse_${type}`, "The same, NULL for another text.", [
      "x STRING, f",
      convert("try_strptime(x, f)"),
    ]),
  ]);
}
