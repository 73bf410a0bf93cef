/** `darkroom run`: compiles the Dataform project and runs its models and assertions. */

import type { Command } from "commander";
import { command, execute } from "../command.ts";
import { isInOrder, runModels } from "../steps.ts";

export function runCommand(): Command {
  return command("run", "run the models and assertions of definitions/").action(
    (options: { readonly json?: boolean }) =>
      execute(options, async (run) => {
        const summary = await runModels(run);
        run.output.table(
          ["action", "kind", "outcome", "rows", "ms"],
          summary.actions.map((one) => [
            one.name,
            one.kind,
            one.outcome,
            one.rows,
            Math.round(one.durationMs),
          ]),
        );
        const { models, modelsFailed, assertions, assertionsFailed } = summary;
        run.output.line(
          `${models} models made, ${modelsFailed} not; ${assertions - assertionsFailed} of ${assertions} assertions hold.`,
        );
        run.output.json({
          models,
          models_failed: modelsFailed,
          assertions,
          assertions_failed: assertionsFailed,
          duration_ms: Math.round(summary.durationMs),
          actions: summary.actions,
        });
        return isInOrder(summary);
      }),
  );
}
