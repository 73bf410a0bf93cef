/** DuckDB's errors in the three families, without stacks. */
import { Misconfigured, messageOf, Refused, Unavailable } from "../../core/errors.ts";

/** A statement's error as a refusal; own errors pass as they are. */
export function refusedBy(error: unknown): Error {
  if (error instanceof Refused || error instanceof Misconfigured || error instanceof Unavailable)
    return error;
  const message = firstLine(messageOf(error));
  const macro = /Macro (\w+?)(?:_w)?\(\) (?:does not support|has multiple overloads)/.exec(message)?.[1];
  if (macro !== undefined) {
    const problem = `${macro.toUpperCase()}: arguments of these types are not proven together.`;
    return new Refused("unsupported_types", problem, "arguments whose types agree as BigQuery demands");
  }
  return new Refused("query_failed", message, "a statement that runs");
}

/** What to do when the database file does not open: a lock names the process that holds it. */
export function openingError(error: unknown, path: string): Error {
  const message = messageOf(error);
  const [, holder = "another process", pid] = /held in (.+?) \(PID (\d+)\)/.exec(message) ?? [];
  if (/could not set lock/i.test(message)) {
    const who = pid === undefined ? holder : `${holder} (process ${pid})`;
    const advice = "Stop it, or wait until it ends, and try again.";
    return new Unavailable(`The warehouse ${path} is open in ${who}. ${advice}`, { cause: error });
  }
  return new Misconfigured([
    `warehouse ${path}: it cannot be opened as a DuckDB database (${firstLine(message)})`,
  ]);
}

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? message).replace(/^Error: /, "");
}
