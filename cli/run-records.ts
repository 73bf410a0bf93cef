/** What darkroom itself did, as rows of `pipeline_run`: they go to the event lake like every other record. */

import { randomToken } from "../core/ids.ts";
import type { Row } from "../core/rows.ts";
import type { TableLoad } from "../loaders/raw/load.ts";
import type { ActionResult } from "../warehouse/graph/run.ts";
import type { Platform } from "./wiring.ts";

type RunRow = Omit<Row<"pipeline_run">, "event_id" | "run_id">;

/** Collects the rows of one run; `write` makes them durable, to be loaded the next time. */
export function runRecorder({ segments }: Pick<Platform, "segments">) {
  const runId = randomToken(12);
  const rows: Row<"pipeline_run">[] = [];
  return {
    add(row: RunRow): void {
      rows.push({ event_id: `${runId}/${row.kind}/${row.name}`, run_id: runId, ...row });
    },
    async write(): Promise<void> {
      const writer = segments();
      const written = writer.append("pipeline_run", rows.splice(0));
      await Promise.all([written, writer.flush()]);
    },
  };
}

export function loadRecord({ table, startedAt, endedAt, rows, bytesBilled }: TableLoad): RunRow {
  return {
    kind: "load",
    name: table,
    started_at: startedAt.toISOString(),
    ended_at: endedAt.toISOString(),
    outcome: "done",
    rows,
    message: null,
    bytes_billed: bytesBilled,
  };
}

export function modelRecord(result: ActionResult): RunRow {
  const { kind, name, startedAt, durationMs, outcome, rows, message, bytesBilled } = result;
  return {
    kind: kind === "assertion" ? "assertion" : "model",
    name,
    started_at: startedAt.toISOString(),
    ended_at: new Date(startedAt.getTime() + durationMs).toISOString(),
    outcome,
    rows,
    message,
    bytes_billed: bytesBilled,
  };
}
