/** Faults of the services' world: servers that hang, a broker that dies, lines that fail, two loaders at once. */

import type { ServiceName } from "../infra/services/service.ts";
import type { Service } from "../infra/services/services.ts";
import type { Fault } from "./faults.ts";
import { badLine } from "./general-faults.ts";
import { startBeside } from "./program.ts";
import type { ServicesBehind, World } from "./world.ts";

/** A server that hangs: connections stay open and nothing answers. */
function pausing(service: ServiceName): Fault {
  return {
    name: `pause-${service}`,
    lastsMs: [500, 3000],
    async inject(world) {
      const one = serviceOf(world, service);
      await one?.pause();
      return { heal: async () => one?.resume() };
    },
  };
}

/** Its data stay, as they were on disk at that moment. */
const killBroker: Fault = {
  name: "kill-kafka",
  lastsMs: [300, 1500],
  async inject(world) {
    const broker = serviceOf(world, "kafka");
    await broker?.kill();
    return { heal: async () => broker?.restart() };
  },
};

const restartBroker: Fault = {
  name: "restart-kafka",
  lastsMs: [0, 0],
  async inject(world) {
    await serviceOf(world, "kafka")?.restart();
    return { heal: async () => {} };
  },
};

function failingLine(name: keyof ServicesBehind["proxies"]): Fault {
  return {
    name: `${name}-line`,
    lastsMs: [500, 3000],
    async inject({ services }, random) {
      const drawn = badLine(random);
      // What speaks no HTTP cannot be answered in its place.
      const fault = name === "arrivals" && drawn.answer ? { resetProbability: 0.1 } : drawn;
      services?.proxies[name].setFault(fault);
      return { note: JSON.stringify(fault), heal: async () => services?.proxies[name].setFault({}) };
    },
  };
}

const secondLoader: Fault = {
  name: "second-loader",
  lastsMs: [1000, 3000],
  async inject({ disturbed, sparePorts }) {
    const { isReady, kill } = await startBeside("loader", sparePorts.loader, disturbed);
    return { ...(isReady ? {} : { note: "not ready" }), heal: kill };
  },
};

function serviceOf(world: World, name: ServiceName): Service | undefined {
  return world.services?.services.of(name);
}

export const servicesFaults: readonly Fault[] = [
  killBroker,
  pausing("gcs"),
  pausing("pubsub"),
  pausing("bigquery"),
  pausing("kafka"),
  restartBroker,
  failingLine("images"),
  failingLine("arrivals"),
  failingLine("warehouse"),
  secondLoader,
];
