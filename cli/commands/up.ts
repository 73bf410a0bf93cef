/** `darkroom up`: doors, worker, loader, models and dashboard until SIGTERM. */

import { type Command, InvalidArgumentError } from "commander";
import { command, execute, type Run } from "../command.ts";
import { type Part, parts, type Service, startService } from "../service.ts";

interface Options {
  readonly only?: readonly Part[];
  readonly json?: boolean;
}

export function upCommand(): Command {
  return command("up", "run everything until stopped (SIGTERM or ctrl-c drains)")
    .option("--only <parts>", `only some of ${parts.join(", ")}, separated by commas`, readParts)
    .action((options: Options) => execute(options, (run) => serve(run, options.only), "service"));
}

function readParts(text: string): readonly Part[] {
  const named = text.split(",").map((name) => name.trim());
  const known = parts.filter((part) => named.includes(part));
  if (known.length === named.length) return known;
  throw new InvalidArgumentError(`expected some of ${parts.join(", ")}, separated by commas`);
}

async function serve(run: Run, only: readonly Part[] = parts): Promise<boolean> {
  const { platform, output, signal } = run;
  const service = await startService(run, platform.config.DARKROOM_PORT, only);
  service.keepRefreshing();
  describeService(run, service);
  try {
    await Promise.race([stopped(signal), service.failed]);
  } finally {
    output.note("draining: what is in flight is finished first");
    await service.stop();
  }
  output.json({ stopped: true });
  return true;
}

/** Says where everything is. */
export function describeService({ output }: Pick<Run, "output">, service: Service): void {
  output.line();
  if (service.hasUploads) {
    output.line(`upload page       ${service.url}/`);
    output.line(`upload API        ${service.url}/openapi.json`);
  } else {
    output.line(`probes            ${service.url}/healthz, /readyz, /metrics`);
  }
  if (service.hasDashboard) output.line(`dashboard         ${service.url}/dashboard`);
  output.line("ctrl-c            stops it");
}

/** Resolves when the signal aborts. */
export function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
