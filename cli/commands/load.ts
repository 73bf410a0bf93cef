/** `darkroom load`: segments into the raw tables. */

import type { Command } from "commander";
import { command, execute } from "../command.ts";
import { loadSegments } from "../steps.ts";

interface Options {
  readonly all?: boolean;
  readonly json?: boolean;
}

export function loadCommand(): Command {
  return command("load", "load the segments that are not yet loaded into the raw tables")
    .option("--all", "look at the segments of all days, also of those that were found loaded long ago")
    .action((options: Options) =>
      execute(options, async (run) => {
        const { rows, segments } = await loadSegments(run, { isFull: options.all === true });
        run.output.line(`loaded ${rows} rows of ${segments} segments.`);
        run.output.json({ loaded_rows: rows, segments });
        return true;
      }),
    );
}
