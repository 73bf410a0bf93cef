/** `darkroom stream produce PATH…`: a small producer for trials of the stream that is configured. */

import { Command } from "commander";
import { Misconfigured } from "../../core/errors.ts";
import { countFiles } from "../../loaders/folder/ingest.ts";
import { type SendResult, type SendSummary, sendFiles } from "../../loaders/stream/send-files.ts";
import { command, execute, type Run } from "../command.ts";
import { printable } from "../output.ts";

interface Options {
  readonly customer: string;
  readonly contentType?: string;
  readonly claim?: readonly string[];
  readonly json?: boolean;
}

export function streamCommand(): Command {
  // Not command(): an option of the group would take --json away from the commands in it.
  return new Command("stream")
    .description("send images into the stream")
    .exitOverride()
    .addCommand(produceCommand());
}

function produceCommand(): Command {
  return command("produce", "send every file below the paths as a message, as another application would")
    .argument("[paths...]", "folders or files; hidden files are left out")
    .requiredOption("--customer <id>", "the customer whose images they are")
    .option("--content-type <type>", "what the messages say that the images are")
    .option(
      "--claim <uri>",
      "send where an image is (gs://… or https://…) instead of the image; may be repeated",
      (uri: string, before: readonly string[] = []) => [...before, uri],
    )
    .action((paths: readonly string[], options: Options) =>
      execute(options, (run) => produce(run, paths, options)),
    );
}

async function produce(
  { platform, output, signal }: Run,
  paths: readonly string[],
  { customer, contentType, claim: claims = [] }: Options,
): Promise<boolean> {
  if (paths.length + claims.length === 0)
    throw new Misconfigured(["nothing to send: name folders or files, or addresses with --claim"]);
  let total = claims.length;
  for (const path of paths) total += await countFiles(path);
  const stream = await platform.stream();
  const progress = output.progress("produce", total);
  const faults: string[] = [];
  let looked = 0;
  const summary = await sendFiles(stream, {
    paths,
    claims,
    customerId: customer,
    ...(contentType === undefined ? {} : { contentType }),
    signal,
    onSent(_, result) {
      looked += 1;
      progress.update(looked, printable(result.name).slice(-40));
      faults.push(...faultOf(result));
    },
  });
  progress.end();
  for (const line of faults) output.note(line);
  output.line(sentence(summary));
  if (signal.aborted) output.note(`stopped after ${looked} of ${total}`);
  output.json({ ...summary, is_complete: !signal.aborted });
  return !signal.aborted && faults.length === 0;
}

function faultOf(result: SendResult): readonly string[] {
  const name = printable(result.name);
  if (result.kind === "unreadable") return [`unreadable ${name}: ${result.message}`];
  if (result.kind !== "tooLarge") return [];
  const { message, expected } = result.refusal;
  return [
    `not sent ${name}: ${message} (expected: ${expected}); ` +
      "put it where DARKROOM_CLAIM_SOURCES reaches and send its address with --claim",
  ];
}

function sentence({ sent, claimed, tooLarge, unreadable, sentBytes }: SendSummary): string {
  const parts = [`sent ${sent} (${(sentBytes / 1e6).toFixed(1)} MB)`];
  if (claimed > 0) parts.push(`claimed ${claimed}`);
  if (tooLarge > 0) parts.push(`too large ${tooLarge}`);
  if (unreadable > 0) parts.push(`unreadable ${unreadable}`);
  return `${parts.join(", ")}.`;
}
