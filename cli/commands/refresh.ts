/** `darkroom refresh`: work once, load, run: everything that was received is answered for. */

import type { Command } from "commander";
import { command, execute } from "../command.ts";
import { countImages, isInOrder, loadSegments, runModels, workUntilIdle } from "../steps.ts";

export function refreshCommand(): Command {
  return command("refresh", "process what waits, load it, and run the models").action(
    (options: { readonly json?: boolean }) =>
      execute(options, async (run) => {
        await workUntilIdle(run);
        const { rows } = await loadSegments(run);
        const models = await runModels(run);
        const counts = await countImages(run);
        const waiting = await run.platform.arrivals.waiting();
        const { received, processed, rejected, failed, pending } = counts;
        run.output.line(
          `received ${received} = processed ${processed} + rejected ${rejected} + failed ${failed} + pending ${pending}.`,
        );
        if (waiting) run.output.note(`${waiting} more wait for a worker and are not counted yet`);
        run.output.json({
          ...counts,
          waiting,
          loaded_rows: rows,
          models: models.models,
          models_failed: models.modelsFailed,
          assertions_failed: models.assertionsFailed,
        });
        return isInOrder(models) && !waiting;
      }),
  );
}
