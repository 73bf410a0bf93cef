/** A BigQuery project and a bucket of a test's own, on the servers that all tests share. */

import { randomBytes } from "node:crypto";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import type { Services } from "../../infra/services/services.ts";
import { bigqueryWarehouse } from "../../warehouse/bigquery.ts";
import type { WarehouseSetup } from "../conformance/warehouse.ts";

/** Another process's view of the same project when its name is given. */
export async function bigqueryProject(
  services: Services,
  mode: "load" | "stream",
  project = `p-${randomBytes(6).toString("hex")}`,
): Promise<WarehouseSetup> {
  const { endpoint, writeEndpoint } = services.of("bigquery");
  const storage = services.of("gcs").endpoint;
  await fetch(`${storage}/storage/v1/b?project=${project}`, {
    method: "POST",
    body: JSON.stringify({ name: project }),
  });
  const warehouse = bigqueryWarehouse({
    project,
    location: "EU",
    endpoint,
    writeEndpoint: String(writeEndpoint),
    mode,
    maximumBytesBilled: 1e9,
    clock: systemClock,
    log: silentLog,
    readSegment: async (url) => {
      const name = encodeURIComponent(url.slice(`gs://${project}/`.length));
      const answer = await fetch(`${storage}/storage/v1/b/${project}/o/${name}?alt=media`);
      return new Uint8Array(await answer.arrayBuffer());
    },
  });
  return {
    warehouse,
    write: async (name, text) => {
      const query = new URLSearchParams({ uploadType: "media", name });
      await fetch(`${storage}/upload/storage/v1/b/${project}/o?${query}`, { method: "POST", body: text });
      return { name, url: `gs://${project}/${name}` };
    },
    close: async () => {
      await warehouse.close();
      await dropDatasets(`${endpoint}/bigquery/v2/projects/${project}/datasets`);
    },
  };
}

async function dropDatasets(url: string): Promise<void> {
  const { datasets } = (await (await fetch(url)).json()) as {
    datasets: { datasetReference: { datasetId: string } }[];
  };
  for (const { datasetReference } of datasets) {
    await fetch(`${url}/${datasetReference.datasetId}?deleteContents=true`, { method: "DELETE" });
  }
}
