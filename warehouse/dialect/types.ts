/** The closed set of types: what a column of DuckDB is in the words of BigQuery's API; any other type is refused. */
import { Refused } from "../../core/errors.ts";
import type { Field } from "../warehouse.ts";

/** A type as DuckDB's client describes it. */
export interface EngineType {
  /** `JSON` for the type that is stored as VARCHAR. */
  readonly alias?: string | undefined;
  /** The element of a list. */
  readonly valueType?: EngineType;
  /** The fields of a struct. */
  readonly entryNames?: readonly string[];
  readonly entryTypes?: readonly EngineType[];
  toString(): string;
}

const SCALARS: Readonly<Record<string, string>> = {
  BIGINT: "INTEGER",
  // NULL without a type is 32 bits wide in DuckDB and INT64 in BigQuery; the adapter lets no other value pass.
  INTEGER: "INTEGER",
  DOUBLE: "FLOAT",
  "DECIMAL(38,9)": "NUMERIC",
  BOOLEAN: "BOOLEAN",
  VARCHAR: "STRING",
  BLOB: "BYTES",
  DATE: "DATE",
  TIMESTAMP: "DATETIME",
  "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
  TIME: "TIME",
};

/** A column's field in BigQuery's words. Throws `Refused` for a type outside the closed set. */
export function fieldOf(name: string, type: EngineType): Field {
  const { valueType, entryNames, entryTypes } = type;
  if (valueType !== undefined && entryTypes === undefined) {
    const element = fieldOf(name, valueType);
    if (element.mode === "REPEATED") throw unknownType(name, type);
    return { ...element, mode: "REPEATED" };
  }
  if (entryNames !== undefined && entryTypes !== undefined) {
    const fields = entryTypes.map((entry, index) => fieldOf(entryNames[index] ?? "", entry));
    return { name, type: "RECORD", mode: "NULLABLE", fields };
  }
  const scalar = type.alias === "JSON" ? "JSON" : SCALARS[type.toString()];
  if (scalar === undefined) throw unknownType(name, type);
  return { name, type: scalar, mode: "NULLABLE" };
}

function unknownType(name: string, type: EngineType): Refused {
  return new Refused(
    "unsupported_type",
    `Column ${name} has DuckDB's type ${type.toString()}, which BigQuery has not.`,
    "a column of INT64, FLOAT64, NUMERIC, BOOL, STRING, BYTES, DATE, DATETIME, TIMESTAMP, TIME, JSON, ARRAY or STRUCT",
  );
}
