/** What darkroom counts about itself, in Prometheus' form; every name is defined here and nowhere else. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface Metrics {
  readonly registry: Registry;
  /** Originals that a door created in the lake. Label: source. */
  readonly received: Counter<"source">;
  /** What a door refused. Labels: source, reason. */
  readonly refused: Counter<"source" | "reason">;
  /** Outcomes that the worker wrote. Label: status. */
  readonly outcomes: Counter<"status">;
  /** Seconds from taking an arrival to its outcome. */
  readonly processingSeconds: Histogram;
  /** Arrivals that wait for a worker. */
  readonly waiting: Gauge;
  /** Stream messages that are not committed. */
  readonly streamLag: Gauge;
  /** Stream messages that the door has taken and not finished. */
  readonly streamInFlight: Gauge;
  /** Stream messages that the door could not finish and will be handed again. */
  readonly streamRetries: Counter;
  /** Refused messages that went to the dead-letter topic as well. */
  readonly streamDeadLetters: Counter;
  /** Rows loaded into raw tables. Label: table. */
  readonly loadedRows: Counter<"table">;
  /** Runs of the models. Label: result (done, failed). */
  readonly modelRuns: Counter<"result">;
}

/** A registry of its own, so that two platforms in one process (tests) do not share numbers. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    received: new Counter({
      name: "darkroom_images_received_total",
      help: "Originals that a door created in the lake.",
      labelNames: ["source"],
      registers,
    }),
    refused: new Counter({
      name: "darkroom_images_refused_total",
      help: "Images and messages that a door refused.",
      labelNames: ["source", "reason"],
      registers,
    }),
    outcomes: new Counter({
      name: "darkroom_outcomes_total",
      help: "Outcomes that the worker wrote.",
      labelNames: ["status"],
      registers,
    }),
    processingSeconds: new Histogram({
      name: "darkroom_processing_seconds",
      help: "Seconds from taking an arrival to its outcome.",
      buckets: [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
      registers,
    }),
    waiting: new Gauge({
      name: "darkroom_waiting_images",
      help: "Arrivals that wait for a worker.",
      registers,
    }),
    streamLag: new Gauge({
      name: "darkroom_stream_lag_messages",
      help: "Stream messages that are not committed.",
      registers,
    }),
    streamInFlight: new Gauge({
      name: "darkroom_stream_in_flight_messages",
      help: "Stream messages that the door has taken and not finished.",
      registers,
    }),
    streamRetries: new Counter({
      name: "darkroom_stream_retries_total",
      help: "Stream messages that the door could not finish and will be handed again.",
      registers,
    }),
    streamDeadLetters: new Counter({
      name: "darkroom_stream_dead_letters_total",
      help: "Refused messages that went to the dead-letter topic as well.",
      registers,
    }),
    loadedRows: new Counter({
      name: "darkroom_loaded_rows_total",
      help: "Rows loaded into raw tables.",
      labelNames: ["table"],
      registers,
    }),
    modelRuns: new Counter({
      name: "darkroom_model_runs_total",
      help: "Runs of the models.",
      labelNames: ["result"],
      registers,
    }),
  };
}
