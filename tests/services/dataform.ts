/** Dataform's own command line against the BigQuery server. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Services } from "../../infra/services/services.ts";

export const projectFolder = fileURLToPath(new URL("../..", import.meta.url));
const program = join(projectFolder, "node_modules/@dataform/cli/bundle.js");

export interface DataformEnded {
  readonly code: number;
  readonly text: string;
}

/** Runs `dataform COMMAND FOLDER`; the emulator's address is taken verbatim, so it has the path of the API. */
export async function dataform(
  services: Services,
  command: "run" | "test",
  folder: string,
  { database, args = [] }: { readonly database: string; readonly args?: readonly string[] },
): Promise<DataformEnded> {
  const scratch = await mkdtemp(join(tmpdir(), "darkroom-dataform-"));
  const credentials = join(scratch, "credentials.json");
  await writeFile(credentials, JSON.stringify({ projectId: database, location: "EU" }));
  const env = {
    ...process.env,
    BIGQUERY_EMULATOR_HOST: `${services.of("bigquery").endpoint}/bigquery/v2`,
    METADATA_SERVER_DETECTION: "none",
  };
  const all = [
    program,
    command,
    folder,
    "--credentials",
    credentials,
    "--default-database",
    database,
    ...args,
  ];
  try {
    return await new Promise((resolve) => {
      execFile(process.execPath, all, { env, maxBuffer: 1e8 }, (error, out, said) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), text: out + said });
      });
    });
  } finally {
    await rm(scratch, { recursive: true });
  }
}
