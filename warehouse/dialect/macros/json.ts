/** JSON functions. Paths come as DuckDB writes them; the emitter translates them. */
import { type Macro, macro } from "./macro.ts";

/** Numbers that DuckDB may write otherwise than they were written. */
const UNPROVEN_NUMBER = "'[0-9.][eE][+-]?[0-9]|[.][0-9]*0([^0-9]|$)|[0-9]{16}'";

/** The same body for a JSON text and a JSON value. */
function both(name: string, rule: string, parameters: string, body: string): Macro {
  return macro(name, rule, [`x STRING${parameters}`, body], [`x JSON${parameters}`, body]);
}

export const jsons: readonly Macro[] = [
  both(
    "json_value",
    "The scalar at the path as STRING; NULL for objects, arrays and null.",
    ", p",
    "bq.json_scalar(x, p)",
  ),
  macro("json_scalar", "A scalar whose text is proven.", [
    "x, p",
    `CASE json_type(x, p) WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL WHEN 'NULL' THEN NULL
       WHEN 'DOUBLE' THEN CASE WHEN regexp_matches(x::VARCHAR, ${UNPROVEN_NUMBER}) THEN error('The text of this JSON number is not proven') ELSE json_extract_string(x, p) END
       ELSE json_extract_string(x, p) END`,
  ]),
  macro(
    "json_query",
    "The value at the path, as JSON text of a text and as JSON of JSON.",
    ["x STRING, p", "bq.json_part(x, p)::VARCHAR"],
    ["x JSON, p", "bq.json_part(x, p)"],
  ),
  macro("json_part", "A part without numbers whose text is not proven.", [
    "x, p",
    "CASE WHEN regexp_matches(x::VARCHAR, '[0-9.][eE][+-]?[0-9]|[0-9]{17}') THEN error('The text of a JSON number is not proven') ELSE json_extract(x, p) END",
  ]),
  macro(
    "json_query_array",
    "The elements of the array at the path; NULL when there is none.",
    ["x STRING, p, every", "CASE WHEN json_type(x, p) = 'ARRAY' THEN json_extract(x, every)::VARCHAR[] END"],
    ["x JSON, p, every", "CASE WHEN json_type(x, p) = 'ARRAY' THEN json_extract(x, every) END"],
  ),
  both(
    "json_value_array",
    "The scalars of the array at the path; NULL when one is none.",
    ", p, every",
    "CASE WHEN json_type(x, p) = 'ARRAY' AND NOT list_has_any(json_type(x, every), ['OBJECT', 'ARRAY', 'DOUBLE']) THEN json_extract_string(x, every) END",
  ),
  macro("parse_json", "A text as JSON.", ["x STRING", "json(x)"]),
  macro("to_json_string", "A value as JSON text; only types whose text is proven.", [
    "x",
    "bq.json_text(x, typeof(x))",
  ]),
  macro("json_text", "Numbers with fractions, times and bytes are not proven.", [
    "x, type",
    `CASE WHEN x IS NULL THEN 'null'
       WHEN regexp_matches(type, 'DOUBLE|DECIMAL|TIME|BLOB|INTERVAL|HUGEINT|UUID|"NULL"')
         OR regexp_matches(to_json(x)::VARCHAR, '[:\\[,][0-9]{16}') THEN error('The JSON text of this value is not proven')
       ELSE to_json(x)::VARCHAR END`,
  ]),
  macro("json_type", "The kind of a JSON value in small letters.", [
    "x JSON",
    "CASE json_type(x) WHEN 'VARCHAR' THEN 'string' WHEN 'BIGINT' THEN 'number' WHEN 'UBIGINT' THEN 'number' WHEN 'DOUBLE' THEN 'number' ELSE lower(json_type(x)) END",
  ]),
  macro("json_bool", "A JSON boolean as BOOL.", [
    "x JSON",
    "CASE WHEN json_type(x) = 'BOOLEAN' THEN (x::VARCHAR)::BOOLEAN ELSE error('The JSON value is no boolean') END",
  ]),
  macro("json_int64", "A JSON whole number as INT64.", [
    "x JSON",
    "CASE WHEN json_type(x) IN ('BIGINT', 'UBIGINT') THEN (x::VARCHAR)::BIGINT ELSE error('The JSON value is no INT64') END",
  ]),
  macro("json_float64", "A JSON number as FLOAT64.", [
    "x JSON",
    "CASE WHEN json_type(x) IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN (x::VARCHAR)::DOUBLE ELSE error('The JSON value is no number') END",
  ]),
  macro("json_string", "A JSON string as STRING.", [
    "x JSON",
    "CASE WHEN json_type(x) = 'VARCHAR' THEN json_extract_string(x, '$') ELSE error('The JSON value is no string') END",
  ]),
  macro("json_keys", "The keys of an object in order; only flat objects are proven.", [
    "x JSON",
    "CASE WHEN json_type(x) <> 'OBJECT' OR regexp_matches(x::VARCHAR, '[{].*[{\\[]') THEN error('JSON_KEYS of this value is not proven') ELSE list_sort(json_keys(x)) END",
  ]),
];
