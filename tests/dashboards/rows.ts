/** Rows as the reporting views give them, for tests of the dashboard. */

import type { QueryResult, Value } from "../../warehouse/warehouse.ts";

type Row = { readonly [name: string]: Value };

export function resultOf(rows: readonly Row[]): QueryResult {
  const schema = Object.entries(rows[0] ?? {}).map(([name, value]) => ({
    name,
    type: typeof value === "number" ? "INTEGER" : name.endsWith("_at") ? "TIMESTAMP" : "STRING",
    mode: "NULLABLE" as const,
  }));
  return { schema, rows, bytesBilled: 0 };
}

/** Counts that add up: what is not said was processed. */
export function customerRow(id: string, name: string, received: number, rejected = 0): Row {
  return {
    customer_id: id,
    customer_name: name,
    images_received: received,
    images_processed: received - rejected,
    images_rejected: rejected,
    images_failed: 0,
    images_pending: 0,
    original_bytes: received * 2_400_000,
    rendition_bytes: received * 300_000,
    last_received_at: "2026-01-31T10:00:00.123456+00:00",
  };
}

export function typeRow(type: string, typeName: string, customer: Row): Row {
  const { last_received_at: _, ...counts } = customer;
  return { image_type: type, image_type_name: typeName, ...counts };
}
