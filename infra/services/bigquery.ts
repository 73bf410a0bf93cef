/** BigQuery's API on DuckDB: bqemulator in a Python environment, reached over REST through a guard that mends its answers. */

import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { loopback, requireFreePort } from "./ports.ts";
import { launch, type ServerProcess } from "./process.ts";
import type { Place, ServiceKind } from "./service.ts";

const requirements = fileURLToPath(new URL("./bigquery/requirements.txt", import.meta.url));
const guardScript = fileURLToPath(new URL("./guard-process.ts", import.meta.url));
const typeScriptLoader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
/** DuckDB's extension is a Python package too, so that nothing is downloaded when the server starts. */
const importSpatial = "from duckdb_extensions import import_extension; import_extension('spatial')";

export const bigquery: ServiceKind = {
  name: "bigquery",
  title: "BigQuery: bqemulator 1.4.0",
  installation: {
    pins: [readFileSync(requirements, "utf8"), importSpatial],
    tools: [
      {
        proof: [
          "python3",
          "-c",
          "import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 11) else 1)",
        ],
        remedy: "Python 3.11 or later with venv (Debian: python3 python3-venv)",
      },
    ],
    takes: "downloads 200 MB, takes 650 MB of disk",
    async install(folder, run) {
      await run("python3", ["-m", "venv", join(folder, "venv")]);
      const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
      await run(pythonIn(folder), [...pip, "--only-binary", ":all:", "-r", requirements]);
      await run(pythonIn(folder), ["-c", importSpatial], { HOME: folder });
    },
  },
  async launch(place) {
    const { bigquery: port, bigqueryWrite, bigqueryEmulator } = place.ports;
    await requireFreePort(port, "BigQuery");
    await requireFreePort(bigqueryWrite, "BigQuery's Storage Write API");
    await requireFreePort(bigqueryEmulator, "BigQuery behind its guard");
    await mkdir(place.data, { recursive: true });
    await mkdir(place.buckets, { recursive: true });
    return {
      name: "bigquery",
      endpoint: `http://${loopback}:${port}`,
      writeEndpoint: `${loopback}:${bigqueryWrite}`,
      data: place.data,
      processes: [await launchEmulator(place), await launchGuard(place)],
    };
  },
  /** The guard passes the question on, so both answer. */
  async answers({ endpoint }) {
    const answer = await fetch(`${endpoint}/healthz`, { signal: AbortSignal.timeout(2000) });
    return answer.ok;
  },
};

function launchEmulator(place: Place): Promise<ServerProcess> {
  const { bigqueryEmulator, bigqueryWrite } = place.ports;
  return launch({
    name: "bigquery",
    command: pythonIn(place.programs),
    args: [
      ...["-m", "bqemulator", "start", "--data-dir", place.data, "--log-level", "warning"],
      ...["--rest-host", loopback, "--rest-port", String(bigqueryEmulator)],
      ...["--grpc-host", loopback, "--grpc-port", String(bigqueryWrite)],
    ],
    environment: {
      /** DuckDB looks for its extensions below it. */
      HOME: place.programs,
      BQEMU_GCS_LOCAL_ROOT: place.buckets,
      /** Avro would be downloaded at every start; nothing here loads it. */
      BQEMU_ENABLE_FORMAT_EXTENSIONS: "false",
    },
    directory: place.data,
    log: join(place.logs, "bigquery.log"),
  });
}

function launchGuard(place: Place): Promise<ServerProcess> {
  const { bigquery: port, bigqueryEmulator } = place.ports;
  const options = { port, target: `http://${loopback}:${bigqueryEmulator}` };
  return launch({
    name: "bigquery-guard",
    command: process.execPath,
    args: ["--import", typeScriptLoader, guardScript, JSON.stringify(options)],
    log: join(place.logs, "bigquery-guard.log"),
  });
}

function pythonIn(folder: string): string {
  return join(folder, "venv", "bin", "python");
}
