/** Literals that take the type of the expression beside them, as BigQuery coerces them. The first parameter is only a witness. */
import { type Macro, macro } from "./macro.ts";

export const literals: readonly Macro[] = [
  macro(
    "float_literal",
    "A floating point literal becomes NUMERIC beside a NUMERIC.",
    ["beside INT64, f, n", "f"],
    ["beside FLOAT64, f, n", "f"],
    ["beside NUMERIC, f, n", "n"],
  ),
  macro(
    "string_literal",
    "A string literal becomes a DATE, DATETIME, TIMESTAMP or TIME beside one.",
    ["beside STRING, s", "s"],
    ["beside DATE, s", "bq.date_of_text(s)"],
    ["beside DATETIME, s", "bq.datetime_of_text(s)"],
    ["beside TIMESTAMP, s", "bq.timestamp_of_text(s)"],
    ["beside TIME, s", "bq.time_of_text(s)"],
  ),
];
