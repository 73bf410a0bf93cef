/** A link that opens Looker Studio with the report's views connected; its owner draws the charts there. */

import type { Report } from "../report.ts";

export interface LookerOptions {
  readonly report: Pick<Report, "title" | "sources">;
  /** The Google Cloud project that holds the views. */
  readonly projectId: string;
  /** The project that pays for queries. @default `projectId` */
  readonly billingProjectId?: string;
}

const createUrl = "https://lookerstudio.google.com/reporting/create";

/**
 * The URL of a new report with one BigQuery source a view.
 * Parameters: https://developers.google.com/looker-studio/integrate/linking-api
 */
export function lookerUrl({ report, projectId, billingProjectId = projectId }: LookerOptions): string {
  const parameters = new URLSearchParams({ "c.mode": "edit", "r.reportName": report.title });
  for (const { alias, dataset, table, description } of report.sources) {
    const source = {
      connector: "bigQuery",
      type: "TABLE",
      projectId,
      datasetId: dataset,
      tableId: table,
      billingProjectId,
      datasourceName: description,
    };
    for (const [name, value] of Object.entries(source)) parameters.set(`ds.${alias}.${name}`, value);
  }
  // A space as %20 is read alike by every decoder; as + only by those of forms.
  return `${createUrl}?${parameters.toString().replaceAll("+", "%20")}`;
}
