/** `darkroom report`: the report elsewhere than on this machine's own page. */

import type { Command } from "commander";
import { Misconfigured } from "../../core/errors.ts";
import { lookerUrl } from "../../dashboards/links/looker.ts";
import { report } from "../../dashboards/report.ts";
import { command, execute } from "../command.ts";
import { defaultProject } from "../wiring.ts";

interface Options {
  readonly looker?: boolean;
  readonly project?: string;
  readonly billingProject?: string;
  readonly json?: boolean;
}

export function reportCommand(): Command {
  return command("report", "links that open the report in other tools")
    .option(
      "--looker",
      "a link that opens Looker Studio with the reporting views connected as BigQuery sources",
    )
    .option(
      "--project <id>",
      `the Google Cloud project that holds the views (default: ${defaultProject}, of dataform.json)`,
    )
    .option("--billing-project <id>", "the project that pays for the queries (default: the same)")
    .action((options: Options) =>
      execute(options, async ({ output }) => {
        if (!options.looker)
          throw new Misconfigured(["darkroom report needs to know where to: expected --looker"]);
        const url = lookerUrl({
          report,
          projectId: options.project ?? defaultProject,
          ...(options.billingProject === undefined ? {} : { billingProjectId: options.billingProject }),
        });
        if (!output.isJson) output.line(url);
        output.json({ url });
        return true;
      }),
    );
}
