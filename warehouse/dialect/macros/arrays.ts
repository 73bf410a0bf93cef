/** Functions on arrays. */
import { type Macro, macro } from "./macro.ts";

const NOT_A_LIST = "WHEN typeof(a) NOT LIKE '%[]' THEN error('The value is no array')";
const BUCKET =
  "CASE WHEN list_count(b) < len(b) OR b <> list_sort(b) THEN error('The bounds are not ascending') WHEN x IS NOT NULL THEN len(list_filter(b, lambda e: e <= x)) END";
const outside = (index: string): string => `${index} < 1 OR ${index} > len(a)`;

export const arrays: readonly Macro[] = [
  macro("array_length", "The number of elements.", ["a", "bq.checked_list(a, len(a))"]),
  macro("array_reverse", "The elements backwards.", ["a", "list_reverse(a)"]),
  macro("array_concat2", "The elements of both; NULL when one is NULL.", [
    "a, b",
    "CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE list_concat(a, b) END",
  ]),
  macro("checked_list", "A result, provided that the value is an array.", [
    "a, result",
    `CASE ${NOT_A_LIST} ELSE result END`,
  ]),
  macro("array_at", "The element at a place that must exist, counted from 1.", [
    "a, i",
    `CASE ${NOT_A_LIST} WHEN ${outside("i")} THEN error('Array index is out of bounds') ELSE list_extract(a, i) END`,
  ]),
  macro("array_safe_at", "The element at a place, NULL when there is none.", [
    "a, i",
    `CASE ${NOT_A_LIST} WHEN ${outside("i")} THEN NULL ELSE list_extract(a, i) END`,
  ]),
  macro("array_first", "The first element of an array that has one.", [
    "a",
    "CASE WHEN len(a) = 0 THEN error('The array is empty') ELSE list_extract(a, 1) END",
  ]),
  macro("array_last", "The last element of an array that has one.", [
    "a",
    "CASE WHEN len(a) = 0 THEN error('The array is empty') ELSE list_extract(a, len(a)) END",
  ]),
  macro(
    "array_to_string",
    "The texts with a separator between them; NULL elements are left out or replaced.",
    ["a STRING[], s", "array_to_string(list_filter(a, lambda e: e IS NOT NULL), s)"],
    ["a STRING[], s, n STRING", "array_to_string(list_transform(a, lambda e: coalesce(e, n)), s)"],
  ),
  macro(
    "range_bucket",
    "How many of the ascending bounds are not above the point.",
    ...["INT64", "NUMERIC", "STRING", "DATE", "DATETIME", "TIMESTAMP"].map(
      (type) => [`x ${type}, b ${type}[]`, BUCKET] as const,
    ),
  ),
  macro(
    "generate_array",
    "Whole numbers from a to b in steps.",
    ["a INT64, b INT64", "generate_series(a, b)"],
    [
      "a INT64, b INT64, s INT64",
      "CASE WHEN s = 0 THEN error('a step must not be zero') ELSE generate_series(a, b, s) END",
    ],
  ),
];
