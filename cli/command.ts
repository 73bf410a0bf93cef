/** What every command has in common: --json, exit codes, errors that say what to do, and an end on ctrl-c. */

import { Command, CommanderError } from "commander";
import { Misconfigured, messageOf, Refused, Unavailable } from "../core/errors.ts";
import { createOutput, type Output } from "./output.ts";
import { openPlatform, type Platform } from "./wiring.ts";

/** 0 done, 1 a check failed, 2 wrong usage or configuration, 3 something needed is unavailable. */
export const exitCodes = { done: 0, checkFailed: 1, misused: 2, unavailable: 3 } as const;

export interface Run {
  readonly platform: Platform;
  readonly output: Output;
  /** Aborts on SIGINT and SIGTERM: finish what is under way, then end. */
  readonly signal: AbortSignal;
}

/** True when everything is in order; false ends the command with 1. */
export type Work = (run: Run) => Promise<boolean>;

/** A command that takes --json; `work` gets its arguments and options from the closure. */
export function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option(
      "--json",
      "print one JSON object as the last line of standard output, and all else on standard error",
    )
    .exitOverride();
}

/**
 * Runs the work of a command: opens the platform, closes it whatever happens, and sets the exit code. A command that speaks for
 * itself logs warnings only; a service logs as the settings say.
 */
export async function execute(
  options: { readonly json?: boolean },
  work: Work,
  kind: "command" | "service" = "command",
): Promise<void> {
  const output = createOutput(options.json === true);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  let platform: Platform | undefined;
  try {
    platform = await openPlatform(kind === "service" ? {} : { logLevel: "warn" });
    const isInOrder = await work({ platform, output, signal: stop.signal });
    process.exitCode = isInOrder ? exitCodes.done : exitCodes.checkFailed;
  } catch (error) {
    process.exitCode = report(error, output);
  } finally {
    await platform?.close();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

/** Says what is wrong and returns the exit code for it. */
export function report(error: unknown, output: Output): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done;
    output.json({ error: { kind: "usage", message: error.message } });
    return exitCodes.misused;
  }
  const { kind, code } = kindOf(error);
  output.note(`darkroom: ${messageOf(error)}`);
  if (error instanceof Refused) output.note(`expected: ${error.expected}`);
  if (kind === "internal" && error instanceof Error) output.note(String(error.stack));
  output.json({ error: { kind, message: messageOf(error) } });
  return code;
}

function kindOf(error: unknown): { kind: string; code: number } {
  if (error instanceof Misconfigured) return { kind: "misconfigured", code: exitCodes.misused };
  if (error instanceof Refused) return { kind: "refused", code: exitCodes.misused };
  if (error instanceof Unavailable) return { kind: "unavailable", code: exitCodes.unavailable };
  return { kind: "internal", code: exitCodes.unavailable };
}
