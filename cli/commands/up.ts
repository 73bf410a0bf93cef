/** `darkroom up`: doors, worker, loader, models and dashboard until SIGTERM. */

import type { Command } from "commander";
import { command, execute, type Run } from "../command.ts";
import { type Service, startService } from "../service.ts";

export function upCommand(): Command {
  return command("up", "run everything until stopped (SIGTERM or ctrl-c drains)").action(
    (options: { readonly json?: boolean }) => execute(options, serve, "service"),
  );
}

async function serve(run: Run): Promise<boolean> {
  const { platform, output, signal } = run;
  const service = await startService(run, platform.config.DARKROOM_PORT);
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
  output.line(`upload page       ${service.url}/`);
  output.line(`upload API        ${service.url}/openapi.json`);
  if (service.hasDashboard) output.line(`dashboard         ${service.url}/dashboard`);
  output.line("ctrl-c            stops it");
}

/** Resolves when the signal aborts. */
export function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
