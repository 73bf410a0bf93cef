/** Lets the runner of recorded BigQuery answers ask the DuckDB adapter. */
import { Refused } from "../../../core/errors.ts";
import { translate } from "../../../warehouse/dialect/translate.ts";
import { duckdbWarehouse } from "../../../warehouse/duckdb.ts";
import type { QueryResult } from "../../../warehouse/warehouse.ts";

interface RecordedCase {
  readonly setup: string | null;
  readonly query: string;
  readonly params: unknown;
}

type Answer =
  | ({ readonly status: "ok" } & QueryResult)
  | { readonly status: "refused" | "error"; readonly message: string };

const NO_ROWS: QueryResult = { schema: [], rows: [], bytesBilled: 0 };
const NOT_PROVEN = ["unsupported_sql", "unsupported_types", "unsupported_type"];
const warehouse = await duckdbWarehouse({ path: ":memory:", project: "proj" });

export async function answer({ setup, query, params }: RecordedCase): Promise<Answer> {
  if (params !== null) return { status: "refused", message: "parameters are no part of the port" };
  try {
    await warehouse.execute("DROP SCHEMA IF EXISTS proj.ds CASCADE; CREATE SCHEMA proj.ds");
    const statements = translate(query, { project: "proj" });
    if (setup !== null) await warehouse.execute(setup);
    let result = NO_ROWS;
    for (const { kind, source } of statements) {
      if (kind === "query") result = await warehouse.query(source);
      else {
        await warehouse.execute(source);
        result = NO_ROWS;
      }
    }
    return { status: "ok", ...result };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { status: NOT_PROVEN.includes(error.reason) ? "refused" : "error", message: error.message };
  }
}

export async function close(): Promise<void> {
  await warehouse.close();
}
