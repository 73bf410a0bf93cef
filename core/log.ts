/** Structured log lines on standard error; customers' text goes in as data, never into the message. */

import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino";

export type Log = Logger;
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** JSON lines with `severity`, the field that Cloud Logging reads, on standard error unless told otherwise. */
export function createLog(
  level: LogLevel,
  stream: DestinationStream = destination({ fd: 2, sync: true }),
): Log {
  return pino(
    {
      level,
      base: null,
      messageKey: "message",
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ severity: label.toUpperCase() }) },
    },
    stream,
  );
}

/** A log that says nothing: for tests and for commands that speak for themselves. */
export const silentLog: Log = createLog("silent");
