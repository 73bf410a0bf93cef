/** Macros with a date part in their name: truncation, extraction, addition, differences, last days. */
import { atUtc, utcClock } from "./dates.ts";
import { type Macro, macro } from "./macro.ts";

const DAYS = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

/** A date part as a piece of a macro's name: `WEEK(MONDAY)` is `week_monday`. */
export function partName(part: string): string {
  return part.toLowerCase().replace("(", "_").replace(")", "");
}

/** The day on which a week begins, counted from Sunday; undefined for other parts. */
function weekStart(part: string): number | undefined {
  if (part === "WEEK") return 0;
  if (part === "ISOWEEK") return 1;
  const day = /^WEEK\((\w+)\)$/.exec(part)?.[1];
  const index = day === undefined ? -1 : DAYS.indexOf(day);
  return index < 0 ? undefined : index;
}

const daysInto = (clock: string, start: number): string => `((dayofweek(${clock}) - ${start} + 7) % 7)`;

/** The beginning of a part as SQL over a clock (a TIMESTAMP of DuckDB's). */
function beginning(part: string): string {
  const start = weekStart(part);
  if (start !== undefined)
    return `date_trunc('day', t)::TIMESTAMP - to_days(${daysInto("t", start)}::INTEGER)`;
  if (part === "ISOYEAR") return "date_trunc('week', make_date(isoyear(t), 1, 4))::TIMESTAMP";
  return `date_trunc('${part.toLowerCase()}', t)::TIMESTAMP`;
}

const WEEKS = ["WEEK", "ISOWEEK", ...DAYS.map((day) => `WEEK(${day})`)];
const DATE_PARTS = ["DAY", ...WEEKS, "MONTH", "QUARTER", "YEAR", "ISOYEAR"];
const TIME_PARTS = ["HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"];
const MICROSECONDS: Readonly<Record<string, number>> = {
  MICROSECOND: 1,
  MILLISECOND: 1000,
  SECOND: 1_000_000,
  MINUTE: 60_000_000,
  HOUR: 3_600_000_000,
  DAY: 86_400_000_000,
};

function truncations(part: string): readonly Macro[] {
  const name = partName(part);
  const of = (clock: string): string => `bq.beginning_${name}(${clock})`;
  const dates: readonly (readonly [string, string])[] = DATE_PARTS.includes(part)
    ? [["x DATE", `${of("x::TIMESTAMP")}::DATE`]]
    : [["x TIME", `${of("DATE '1970-01-01' + x")}::TIME`]];
  return [
    macro(`beginning_${name}`, `The beginning of the ${part} of a clock.`, ["t", beginning(part)]),
    macro(
      `trunc_${name}`,
      `The beginning of the ${part}; of a TIMESTAMP in UTC or a zone.`,
      ...dates,
      ["x DATETIME", of("x")],
      ["x TIMESTAMP", atUtc(of(utcClock("x")))],
      ["x TIMESTAMP, zone STRING", `${of("(x AT TIME ZONE zone)")} AT TIME ZONE zone`],
    ),
  ];
}

const EXTRACTIONS: Readonly<Record<string, string>> = {
  YEAR: "year(t)",
  ISOYEAR: "isoyear(t)",
  QUARTER: "quarter(t)",
  MONTH: "month(t)",
  ISOWEEK: "weekofyear(t)",
  DAY: "day(t)",
  DAYOFYEAR: "dayofyear(t)",
  DAYOFWEEK: "dayofweek(t) + 1",
  HOUR: "hour(t)",
  MINUTE: "minute(t)",
  SECOND: "second(t)",
  MILLISECOND: "(microsecond(t) % 1000000) // 1000",
  MICROSECOND: "microsecond(t) % 1000000",
};

/** Weeks of a year are counted from its first day that begins one; the days before it are week 0. */
function extraction(part: string): string | undefined {
  const start = part === "ISOWEEK" ? undefined : weekStart(part);
  if (start !== undefined) return `(dayofyear(t) + 6 - ${daysInto("t", start)}) // 7`;
  return EXTRACTIONS[part];
}

function extractions(part: string): readonly Macro[] {
  const value = extraction(part);
  if (value === undefined) return [];
  const name = partName(part);
  const isTime = TIME_PARTS.includes(part);
  return [
    macro(`part_${name}`, `The ${part} of a clock.`, ["t", `(${value})::BIGINT`]),
    macro(
      `extract_${name}`,
      `The ${part}; of a TIMESTAMP in UTC or a zone.`,
      isTime ? ["x TIME", `bq.part_${name}(DATE '1970-01-01' + x)`] : ["x DATE", `bq.part_${name}(x)`],
      ["x DATETIME", `bq.part_${name}(x)`],
      ["x TIMESTAMP", `bq.part_${name}(${utcClock("x")})`],
      ["x TIMESTAMP, zone STRING", `bq.part_${name}(x AT TIME ZONE zone)`],
    ),
  ];
}

/** The interval of n parts as SQL; a month's last days are cut to the month's length. */
function interval(part: string, n = "n"): string {
  if (part === "QUARTER") return `to_months((3 * ${n})::INTEGER)`;
  if (part === "WEEK") return `to_days((7 * ${n})::INTEGER)`;
  if (["DAY", "MONTH", "YEAR"].includes(part)) return `to_${part.toLowerCase()}s((${n})::INTEGER)`;
  return `to_microseconds(${MICROSECONDS[part]} * ${n})`;
}

function additions(part: string): readonly Macro[] {
  const name = partName(part);
  const isDate = ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"].includes(part);
  const exact = MICROSECONDS[part];
  return [
    macro(`datetime_add_${name}`, `So many ${part} later.`, ["x DATETIME, n INT64", `x + ${interval(part)}`]),
    ...(isDate
      ? [
          macro(`date_add_${name}`, `So many ${part} later.`, [
            "x DATE, n INT64",
            `(x + ${interval(part)})::DATE`,
          ]),
        ]
      : []),
    ...(exact === undefined
      ? []
      : [
          macro(`timestamp_add_${name}`, `So many ${part} later; a day has 24 hours.`, [
            "x TIMESTAMP, n INT64",
            `make_timestamptz(epoch_us(x) + ${exact} * n)`,
          ]),
        ]),
    ...(TIME_PARTS.includes(part)
      ? [
          macro(`time_add_${name}`, `So many ${part} later, around midnight.`, [
            "x TIME, n INT64",
            `x + ${interval(part)}`,
          ]),
        ]
      : []),
    macro(
      `plus_${name}`,
      `The operator + with INTERVAL n ${part}.`,
      ["x DATE, n INT64", `x + ${interval(part)}`],
      ["x DATETIME, n INT64", `x + ${interval(part)}`],
      ...(exact === undefined
        ? []
        : [["x TIMESTAMP, n INT64", `make_timestamptz(epoch_us(x) + ${exact} * n)`] as const]),
    ),
  ];
}

/** How many boundaries of the part lie between two clocks. */
function boundaries(part: string): string {
  const start = weekStart(part);
  const name = partName(part);
  if (start !== undefined) return `(bq.beginning_${name}(a)::DATE - bq.beginning_${name}(b)::DATE) // 7`;
  if (part === "YEAR") return "year(a) - year(b)";
  if (part === "ISOYEAR") return "isoyear(a) - isoyear(b)";
  if (part === "QUARTER") return "(year(a) * 4 + quarter(a)) - (year(b) * 4 + quarter(b))";
  if (part === "MONTH") return "(year(a) * 12 + month(a)) - (year(b) * 12 + month(b))";
  if (part === "DAY") return "a::DATE - b::DATE";
  return `date_diff('${part.toLowerCase()}', b, a)`;
}

function differences(part: string): readonly Macro[] {
  const name = partName(part);
  const exact = MICROSECONDS[part];
  return [
    macro(`boundaries_${name}`, `Boundaries of ${part} between two clocks.`, [
      "a, b",
      `(${boundaries(part)})::BIGINT`,
    ]),
    macro(`datetime_diff_${name}`, `Boundaries of ${part} passed.`, [
      "a DATETIME, b DATETIME",
      `bq.boundaries_${name}(a, b)`,
    ]),
    ...(DATE_PARTS.includes(part)
      ? [
          macro(`date_diff_${name}`, `Boundaries of ${part} passed.`, [
            "a DATE, b DATE",
            `bq.boundaries_${name}(a::TIMESTAMP, b::TIMESTAMP)`,
          ]),
        ]
      : []),
    ...(TIME_PARTS.includes(part)
      ? [
          macro(`time_diff_${name}`, "Only where whole parts and boundaries are equally many.", [
            "a TIME, b TIME",
            `bq.agreed(bq.boundaries_${name}(DATE '1970-01-01' + a, DATE '1970-01-01' + b), (epoch_us(DATE '1970-01-01' + a) - epoch_us(DATE '1970-01-01' + b)) // ${exact})`,
          ]),
        ]
      : []),
    ...(exact === undefined
      ? []
      : [
          macro(`timestamp_diff_${name}`, `Whole ${part}s, the rest cut.`, [
            "a TIMESTAMP, b TIMESTAMP",
            `(epoch_us(a) - epoch_us(b)) // ${exact}`,
          ]),
        ]),
  ];
}

function lastDays(part: string): readonly Macro[] {
  const name = partName(part);
  const next =
    weekStart(part) !== undefined
      ? "to_days(7)"
      : part === "QUARTER"
        ? "to_months(3)"
        : part === "YEAR"
          ? "to_years(1)"
          : "to_months(1)";
  const last = (clock: string): string => `(bq.beginning_${name}(${clock}) + ${next})::DATE - 1`;
  return [
    macro(
      `last_day_${name}`,
      `The last day of the ${part}.`,
      ["x DATE", last("x::TIMESTAMP")],
      ["x DATETIME", last("x")],
    ),
  ];
}

/** GENERATE_DATE_ARRAY and its like: start + k * step, so that the last days of months do not drift. */
function series(part: string): readonly Macro[] {
  const name = partName(part);
  const isDate = ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"].includes(part);
  const exact = MICROSECONDS[part];
  const days = { DAY: 1, WEEK: 7, MONTH: 28, QUARTER: 90, YEAR: 365 }[part];
  const step = interval(part, "k * n");
  return [
    ...(isDate && days !== undefined
      ? [
          macro(`date_series_${name}`, `Every n ${part}s from a to b.`, [
            "a DATE, b DATE, n INT64",
            `CASE WHEN n <= 0 THEN error('only steps forward are proven') WHEN a IS NOT NULL AND b IS NOT NULL THEN list_filter(list_transform(range(0, greatest((b - a) // (${days} * n) + 1, 0)), lambda k: (a + ${step})::DATE), lambda d: d <= b) END`,
          ]),
        ]
      : []),
    ...(exact === undefined
      ? []
      : [
          macro(`timestamp_series_${name}`, `Every n ${part}s from a to b.`, [
            "a TIMESTAMP, b TIMESTAMP, n INT64",
            `CASE WHEN n <= 0 THEN error('only steps forward are proven') WHEN a IS NOT NULL AND b IS NOT NULL THEN list_transform(range(0, CASE WHEN b < a THEN 0 ELSE (epoch_us(b) - epoch_us(a)) // (${exact} * n) + 1 END), lambda k: make_timestamptz(epoch_us(a) + k * n * ${exact})) END`,
          ]),
        ]),
  ];
}

const ADDED = ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR", ...TIME_PARTS];

export const dateParts: readonly Macro[] = [
  macro("agreed", "Two ways to count that must agree.", [
    "a, b",
    "CASE WHEN a = b THEN a WHEN a <> b THEN error('This difference is not proven') END",
  ]),
  ...[...DATE_PARTS, ...TIME_PARTS].flatMap((part) => [...truncations(part), ...differences(part)]),
  ...[...new Set([...Object.keys(EXTRACTIONS), ...WEEKS])].flatMap(extractions),
  ...ADDED.flatMap((part) => [...additions(part), ...series(part)]),
  ...[...WEEKS, "MONTH", "QUARTER", "YEAR"].flatMap(lastDays),
];
