/** Pub/Sub's API from memory: Google's own test server behind a small program; everything is gone when it ends. */

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { goTool } from "./install.ts";
import { loopback, requireFreePort } from "./ports.ts";
import { launch } from "./process.ts";
import type { ServiceKind } from "./service.ts";

const source = fileURLToPath(new URL("./pubsub", import.meta.url));

export const pubsub: ServiceKind = {
  name: "pubsub",
  title: "Pub/Sub: pstest 2.6.0",
  installation: {
    pins: ["main.go", "go.mod", "go.sum"].map((file) => readFileSync(join(source, file), "utf8")),
    tools: [goTool],
    takes: "Go compiles it: a minute or two",
    install: (folder, run) =>
      run("go", ["build", "-C", source, "-trimpath", "-ldflags=-s -w", "-o", join(folder, "pubsub"), "."], {
        CGO_ENABLED: "0",
      }),
  },
  async launch(place) {
    const { pubsub: port } = place.ports;
    await requireFreePort(port, "Pub/Sub");
    const endpoint = `${loopback}:${port}`;
    const server = await launch({
      name: "pubsub",
      command: join(place.programs, "pubsub"),
      args: ["-address", endpoint],
      log: join(place.logs, "pubsub.log"),
    });
    return { name: "pubsub", endpoint, data: place.data, processes: [server] };
  },
  /** An open port is enough: the program serves nothing else, and ends when the port is taken. */
  answers({ endpoint }) {
    const { hostname, port } = new URL(`http://${endpoint}`);
    return new Promise((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
  },
};
