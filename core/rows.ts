/** Rows of the raw tables as TypeScript types and validators, both made from includes/tables.js. */

import { createHash } from "node:crypto";
import { z } from "zod";
import declared from "../includes/tables.js";

/** Every raw table, in the order in which an image's life fills them. */
export const tables = declared.tables;

type Tables = typeof declared.tables;
export type TableName = Tables[number]["name"];

type Scalars = {
  STRING: string;
  INT64: number;
  FLOAT64: number;
  BOOL: boolean;
  /** ISO 8601 in UTC with `Z`. */
  TIMESTAMP: string;
};

type ColumnLike = {
  readonly name: string;
  readonly type: string;
  readonly mode?: string;
  readonly fields?: readonly ColumnLike[];
};
type ValueOf<C extends ColumnLike> = C["fields"] extends readonly ColumnLike[]
  ? RowOf<C["fields"]>
  : C["type"] extends keyof Scalars
    ? Scalars[C["type"]]
    : never;
type Required<C extends ColumnLike> = C extends { readonly mode: "REQUIRED" } ? C : never;
type Repeated<C extends ColumnLike> = C extends { readonly mode: "REPEATED" } ? C : never;
type Nullable<C extends ColumnLike> = C extends { readonly mode: "REQUIRED" | "REPEATED" } ? never : C;
type RowOf<Columns extends readonly ColumnLike[]> = {
  readonly [C in Required<Columns[number]> as C["name"]]: ValueOf<C>;
} & { readonly [C in Repeated<Columns[number]> as C["name"]]: readonly ValueOf<C>[] } & {
  readonly [C in Nullable<Columns[number]> as C["name"]]: ValueOf<C> | null;
};

/** A row of a raw table; nullable columns are present and null. */
export type Row<Name extends TableName> = RowOf<Extract<Tables[number], { readonly name: Name }>["columns"]>;

const scalars = {
  // Half of a surrogate pair is no text to any warehouse.
  STRING: z.string().refine((text) => text.isWellFormed(), "not well-formed text"),
  INT64: z.number().int(),
  FLOAT64: z.number(),
  BOOL: z.boolean(),
  TIMESTAMP: z.iso.datetime(),
} as const;

function validatorOf(columns: readonly ColumnLike[]): z.ZodObject {
  return z.strictObject(
    Object.fromEntries(columns.map((column) => [column.name, validatorOfColumn(column)])),
  );
}

function validatorOfColumn(column: ColumnLike): z.ZodType {
  const value: z.ZodType = column.fields
    ? validatorOf(column.fields)
    : scalars[column.type as keyof typeof scalars];
  if (column.mode === "REQUIRED") return value;
  if (column.mode === "REPEATED") return z.array(value).default([]);
  return value.nullable().default(null);
}

const everyTable: readonly { readonly name: TableName; readonly columns: readonly ColumnLike[] }[] = tables;
const validators = new Map(everyTable.map((table) => [table.name, validatorOf(table.columns)]));

/** Parses a row strictly: unknown columns are an error, missing nullable ones become null. */
export function parseRow<Name extends TableName>(
  table: Name,
  value: unknown,
): z.ZodSafeParseResult<Row<Name>> {
  return (validators.get(table) as z.ZodObject).safeParse(value) as unknown as z.ZodSafeParseResult<
    Row<Name>
  >;
}

/**
 * A short digest of a table's columns. A segment carries the digest of its writer, so that a loader knows without reading
 * whether the rows have the shape that it knows.
 */
export function shapeOf(table: TableName): string {
  const columns = everyTable.find((candidate) => candidate.name === table)?.columns;
  const text = JSON.stringify(columns, (key, value) => (key === "description" ? undefined : value));
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
