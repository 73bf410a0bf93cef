/** Cloud Storage's API over a folder: fake-gcs-server, which also publishes bucket notifications to the Pub/Sub server. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { goTool } from "./install.ts";
import { loopback, requireFreePort } from "./ports.ts";
import { launch } from "./process.ts";
import type { ServiceKind } from "./service.ts";

const version = "v1.56.1";
const module = `github.com/fsouza/fake-gcs-server@${version}`;

export const gcs: ServiceKind = {
  name: "gcs",
  title: `Cloud Storage: fake-gcs-server ${version}`,
  installation: {
    pins: [module],
    tools: [goTool],
    takes: "Go compiles it: some minutes",
    install: (folder, run) => run("go", ["install", module], { GOBIN: folder, CGO_ENABLED: "0" }),
  },
  async launch(place) {
    const { gcs: port, pubsub } = place.ports;
    await requireFreePort(port, "Cloud Storage");
    await mkdir(place.buckets, { recursive: true });
    const endpoint = `http://${loopback}:${port}`;
    const server = await launch({
      name: "gcs",
      command: join(place.programs, "fake-gcs-server"),
      args: [
        ...["-scheme", "http", "-host", loopback, "-port", String(port)],
        ...["-filesystem-root", place.buckets],
        // Without a port, so that requests through a proxy are taken too; where uploads go on is told by the request's own host.
        ...["-public-host", loopback, "-external-url", endpoint],
        ...["-log-level", "warn"],
      ],
      environment: { PUBSUB_EMULATOR_HOST: `${loopback}:${pubsub}` },
      log: join(place.logs, "gcs.log"),
    });
    return { name: "gcs", endpoint, data: place.buckets, processes: [server] };
  },
  async answers({ endpoint }) {
    const answer = await fetch(`${endpoint}/_internal/healthcheck`, { signal: AbortSignal.timeout(2000) });
    return answer.ok;
  },
};
