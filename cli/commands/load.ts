/** `darkroom load`: segments into the raw tables. */

import type { Command } from "commander";
import { command, execute } from "../command.ts";
import { loadSegments } from "../steps.ts";

export function loadCommand(): Command {
  return command("load", "load the segments that are not yet loaded into the raw tables").action(
    (options: { readonly json?: boolean }) =>
      execute(options, async (run) => {
        const { rows, segments } = await loadSegments(run);
        run.output.line(`loaded ${rows} rows of ${segments} segments.`);
        run.output.json({ loaded_rows: rows, segments });
        return true;
      }),
  );
}
