/** `darkroom ingest PATH`: the folder door. */

import type { Command } from "commander";
import { countFiles, type FileResult, type IngestSummary, ingest } from "../../loaders/folder/ingest.ts";
import { command, execute, type Run } from "../command.ts";
import { printable } from "../output.ts";

interface Options {
  readonly customer: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function ingestCommand(): Command {
  return command("ingest", "take in every image below a folder; what was taken in before is skipped")
    .argument("<path>", "a folder, or one file")
    .requiredOption("--customer <id>", "the customer whose images they are; a new id becomes a new customer")
    .option("--dry-run", "look and count, write nothing")
    .action((path: string, options: Options) => execute(options, (run) => ingestPath(run, path, options)));
}

async function ingestPath(
  { platform, output, signal }: Run,
  path: string,
  { customer, dryRun = false }: Options,
): Promise<boolean> {
  const total = await countFiles(path);
  if (!dryRun && (await ensureCustomer(platform, customer))) output.note(`customer ${customer} is new`);
  const progress = output.progress("ingest", total);
  const faults: string[] = [];
  const summary = await ingest(platform.intake, {
    path,
    customerId: customer,
    isDryRun: dryRun,
    signal,
    onFile(state, result) {
      progress.update(state.files, printable(result.file).slice(-40));
      if (result.kind === "refused") faults.push(describeRefusal(result));
      if (result.kind === "unreadable")
        faults.push(`unreadable ${printable(result.file)}: ${result.message}`);
    },
  });
  progress.end();
  for (const line of faults) output.note(line);
  output.line(sentence(summary, dryRun));
  if (signal.aborted) output.note(`stopped after ${summary.files} of ${total} files; run it again to go on`);
  output.json({ ...summary, dry_run: dryRun, is_complete: !signal.aborted });
  return !signal.aborted && summary.unreadable === 0;
}

/** Whoever runs this command may say who the customers are, so an unknown one is added and not refused. */
export async function ensureCustomer(platform: Run["platform"], customerId: string): Promise<boolean> {
  if (await platform.customers.find(customerId)) return false;
  const { customerSchema } = await import("../../loaders/customers/customers.ts");
  const { Misconfigured } = await import("../../core/errors.ts");
  const parsed = customerSchema.safeParse({ customer_id: customerId, name: customerId });
  if (!parsed.success)
    throw new Misconfigured([`--customer ${customerId}: expected 1 to 64 of A-Z a-z 0-9 . _ -`]);
  await platform.customers.upsert([parsed.data]);
  return true;
}

function describeRefusal(result: FileResult & { kind: "refused" }): string {
  return `refused ${printable(result.file)}: ${result.reason.message} (expected: ${result.reason.expected})`;
}

function sentence(summary: IngestSummary, isDryRun: boolean): string {
  const megabytes = (summary.ingestedBytes / 1e6).toFixed(1);
  const parts = [`${isDryRun ? "would ingest" : "ingested"} ${summary.ingested} (${megabytes} MB)`];
  parts.push(`refused ${summary.refused}`, `skipped ${summary.skipped} seen before`);
  if (summary.others > 0) parts.push(`passed over ${summary.others} that are no images`);
  return `${parts.join(", ")}.`;
}
