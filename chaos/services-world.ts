/** The services' world: Cloud Storage, Pub/Sub, Kafka and BigQuery servers of this run's own, with lines that can fail between. */

import { PubSub } from "@google-cloud/pubsub";
import { type FaultProxy, startFaultProxy } from "../infra/services/fault-proxy.ts";
import { defaultCache, isInstalled } from "../infra/services/install.ts";
import { type Names, namesWith, provision, pubsubOptions, settingsFor } from "../infra/services/provision.ts";
import { kinds, type Services } from "../infra/services/services.ts";
import {
  type Foundation,
  hurriedSettings,
  type ServicesBehind,
  startWorld,
  type World,
  type WorldOptions,
} from "./world.ts";

/** Why the servers cannot be used here, or undefined. */
export function missingServices(): string | undefined {
  const missing = Object.values(kinds).filter((kind) => !isInstalled(kind, defaultCache()));
  if (missing.length === 0) return undefined;
  const names = missing.map(({ name }) => name).join(", ");
  return `${names} not installed (npm run services:install)`;
}

/** Starts a world on servers that go on running for the next one: all names, the project's too, are its own. */
export async function startServicesWorld(
  folder: string,
  services: Services,
  suffix: string,
  options: WorldOptions,
): Promise<World> {
  const names: Names = { ...namesWith(suffix), project: `chaos-${suffix}` };
  await provision(services, names);
  await shortenLeases(services, names);
  const settings = {
    ...hurriedSettings,
    ...settingsFor(services, names),
    // The server needs some seconds for all models.
    DARKROOM_REFRESH_INTERVAL_MS: "6000",
  };
  const proxies = await startProxies(services, options.random);
  const foundation: Foundation = {
    kind: "services",
    folder,
    disk: { reason: "this world has no disk" },
    services: { services, proxies },
    calmSettings: settings,
    disturbedSettings: throughProxies(settings, services, proxies),
    async close() {
      for (const one of services.all) if (one.condition() === "paused") await one.resume();
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
    },
  };
  return startWorld(foundation, options);
}

/**
 * What a killed worker held comes again after so long and not after a minute; no subscription has a shorter deadline. Made anew,
 * since the server keeps to the deadline that a subscription was made with.
 */
const leaseSeconds = 10;

async function shortenLeases(services: Services, { project, arrivals, worker }: Names): Promise<void> {
  const client = new PubSub(pubsubOptions(services.of("pubsub").endpoint, project));
  try {
    const [{ retryPolicy = null, deadLetterPolicy = null }] = await client.subscription(worker).getMetadata();
    await client.subscription(worker).delete();
    await client
      .topic(arrivals)
      .createSubscription(worker, { ackDeadlineSeconds: leaseSeconds, retryPolicy, deadLetterPolicy });
  } finally {
    await client.close();
  }
}

/** Kafka tells clients its own address, past any proxy: it is disturbed itself. */
const proxied = { images: "gcs", arrivals: "pubsub", warehouse: "bigquery" } as const;

async function startProxies(services: Services, random: () => number): Promise<ServicesBehind["proxies"]> {
  const open = (name: keyof typeof proxied): Promise<FaultProxy> =>
    startFaultProxy({ target: services.of(proxied[name]).endpoint, random });
  const [images, arrivals, warehouse] = await Promise.all([
    open("images"),
    open("arrivals"),
    open("warehouse"),
  ]);
  return { images, arrivals, warehouse };
}

function throughProxies(
  settings: Readonly<Record<string, string>>,
  services: Services,
  proxies: ServicesBehind["proxies"],
): Readonly<Record<string, string>> {
  const replaced = (text: string) =>
    Object.entries(proxies).reduce((address, [name, proxy]) => {
      const { endpoint } = services.of(proxied[name as keyof typeof proxied]);
      return address.replace(`endpoint=${endpoint}`, `endpoint=${proxy.endpoint}`);
    }, text);
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, replaced(value)]));
}
