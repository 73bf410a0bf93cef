/** Schemas and values of BigQuery's REST results in the port's form. */

import type { TableField } from "@google-cloud/bigquery";
import type { Field, Value } from "./warehouse.ts";

/** Names of one type: schemas may be written with those of SQL and are answered with those of the API. */
const apiNames: Readonly<Record<string, string>> = {
  INT64: "INTEGER",
  FLOAT64: "FLOAT",
  BOOL: "BOOLEAN",
  STRUCT: "RECORD",
  DECIMAL: "NUMERIC",
  BIGDECIMAL: "BIGNUMERIC",
};

export function fieldOf({ name = "", type = "", mode, fields }: TableField): Field {
  const upper = type.toUpperCase();
  return {
    name,
    type: apiNames[upper] ?? upper,
    mode: mode === "REPEATED" || mode === "REQUIRED" ? mode : "NULLABLE",
    ...(fields === undefined ? {} : { fields: fields.map(fieldOf) }),
  };
}

/** A cell or a row as REST results nest them: `{ f: [{ v: … }] }`. */
interface Cell {
  readonly v?: unknown;
}
interface Cells {
  readonly f?: readonly Cell[];
}

/** A row of a result that was asked for with `formatOptions.useInt64Timestamp`. */
export function rowOf(row: Cells, schema: readonly Field[]): Readonly<Record<string, Value>> {
  return Object.fromEntries(schema.map((field, index) => [field.name, cellValue(row.f?.[index]?.v, field)]));
}

function cellValue(raw: unknown, field: Field): Value {
  if (field.mode !== "REPEATED") return scalarOf(raw, field);
  const cells = (raw ?? []) as readonly Cell[];
  return cells.map(({ v }) => scalarOf(v, field));
}

function scalarOf(raw: unknown, field: Field): Value {
  if (raw === null || raw === undefined) return null;
  if (field.type === "RECORD") return rowOf(raw as Cells, field.fields ?? []);
  const text = String(raw);
  switch (field.type) {
    case "BOOLEAN":
      return text.toLowerCase() === "true";
    case "INTEGER":
      return Number.isSafeInteger(Number(text)) ? Number(text) : text;
    case "FLOAT":
      return floatOf(text);
    case "NUMERIC":
    case "BIGNUMERIC":
      return decimalOf(text);
    case "TIMESTAMP":
      return timestampOf(BigInt(text));
    case "DATETIME":
    case "TIME":
      return toMicroseconds(text.replace(" ", "T"));
    default:
      return text;
  }
}

function floatOf(text: string): Value {
  const value = Number(text.replace(/inf$/i, "Infinity"));
  return Number.isFinite(value) ? value : String(value);
}

/** The plain notation without needless zeros: `1E-9` is `0.000000001`. */
function decimalOf(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  const before = digits.slice(0, Math.max(point, 0)).padEnd(point, "0").replace(/^0+/, "") || "0";
  const after = ("0".repeat(Math.max(-point, 0)) + digits.slice(Math.max(point, 0))).replace(/0+$/, "");
  const plain = after === "" ? before : `${before}.${after}`;
  return sign === "-" && plain !== "0" ? `-${plain}` : plain;
}

/** Microseconds since 1970 as ISO 8601 in UTC, to the microsecond. */
function timestampOf(microseconds: bigint): string {
  const within = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((microseconds - within) / 1000n)).toISOString().slice(0, -".000Z".length);
  return `${seconds}.${String(within).padStart(6, "0")}+00:00`;
}

/** Six digits of a second, whatever was written. */
function toMicroseconds(text: string): string {
  const [clock = "", fraction = ""] = text.split(".");
  return `${clock}.${fraction.padEnd(6, "0")}`;
}
