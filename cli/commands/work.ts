/** `darkroom work`: the worker alone. */

import type { Command } from "commander";
import { work } from "../../processor/worker.ts";
import { command, execute } from "../command.ts";
import { workUntilIdle } from "../steps.ts";

interface Options {
  readonly once?: boolean;
  readonly json?: boolean;
}

export function workCommand(): Command {
  return command("work", "process the images that wait, and go on until stopped")
    .option("--once", "end when nothing waits")
    .action((options: Options) =>
      execute(options, async (run) => {
        const { platform, output, signal } = run;
        if (!options.once)
          output.note("working on what comes; ctrl-c stops, --once would end when nothing waits");
        const summary = options.once
          ? await workUntilIdle(run)
          : await work(await platform.worker(), { signal });
        const { processed, rejected, failed, refused, leftAlone } = summary;
        const waiting = await platform.arrivals.waiting();
        output.line(
          `processed ${processed}, rejected ${rejected}, failed ${failed}; recorded ${refused} refused at a door.`,
        );
        if (leftAlone > 0) output.note(`left ${leftAlone} objects alone that no door took in`);
        if (waiting) output.note(`${waiting} still wait`);
        output.json({ processed, rejected, failed, refused, left_alone: leftAlone, waiting });
        return !options.once || !waiting;
      }),
    );
}
