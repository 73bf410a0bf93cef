/** The program: every command, and how its arguments are read. */

import { Command } from "commander";
import { report } from "./command.ts";
import { createOutput } from "./output.ts";
import { version } from "./wiring.ts";

/** In the order of the help. Each is loaded when it is asked for, so that none pays for what another needs. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import("./commands/demo.ts")).demoCommand(),
  up: async () => (await import("./commands/up.ts")).upCommand(),
  ingest: async () => (await import("./commands/ingest.ts")).ingestCommand(),
  stream: async () => (await import("./commands/stream.ts")).streamCommand(),
  customers: async () => (await import("./commands/customers.ts")).customersCommand(),
  work: async () => (await import("./commands/work.ts")).workCommand(),
  load: async () => (await import("./commands/load.ts")).loadCommand(),
  run: async () => (await import("./commands/run.ts")).runCommand(),
  refresh: async () => (await import("./commands/refresh.ts")).refreshCommand(),
  query: async () => (await import("./commands/query.ts")).queryCommand(),
  reconcile: async () => (await import("./commands/reconcile.ts")).reconcileCommand(),
  rebuild: async () => (await import("./commands/rebuild.ts")).rebuildCommand(),
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand(),
  report: async () => (await import("./commands/report.ts")).reportCommand(),
};

const epilogue = `
Settings are environment variables (DARKROOM_…); \`darkroom doctor\` shows them.
Exit codes: 0 done, 1 a check failed, 2 wrong usage or configuration, 3 something needed is unavailable.`;

/** Runs the command of these arguments (as in process.argv); ends with an exit code, never with a stack of a known error. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("darkroom")
    .description("Images in, answers out: an image-processing data platform.")
    .version(version)
    .exitOverride()
    .addHelpText("after", epilogue);
  const wanted = commands[argv[2] ?? ""];
  for (const load of wanted ? [wanted] : Object.values(commands)) program.addCommand(await load());
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.exitCode = report(error, createOutput(argv.includes("--json")));
  }
}
