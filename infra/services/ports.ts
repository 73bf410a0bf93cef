/** Which port each server listens on: fixed ones for people, free ones for tests; loopback only. */

import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";
import { hasCode, Misconfigured } from "../../core/errors.ts";

export const loopback = "127.0.0.1";

/**
 * Every server's ports, in the order in which they follow the base port. Kafka's clients go where the broker tells them to: at
 * `kafkaBehindProxy` it tells them `kafkaProxy`, where a test may put a proxy.
 */
export const portNames = [
  "kafka",
  "kafkaController",
  "gcs",
  "pubsub",
  "bigquery",
  "bigqueryWrite",
  "bigqueryEmulator",
  "kafkaBehindProxy",
  "kafkaProxy",
] as const;

export type PortName = (typeof portNames)[number];
export type Ports = Readonly<Record<PortName, number>>;

/** Below the ranges from which systems take ports for outgoing connections (Linux: from 32768). */
export const defaultBasePort = 24_100;
const freeRange = [20_000, 32_000] as const;

/** Nine ports in a row. */
export function portsFrom(base: number): Ports {
  return named(portNames.map((_, index) => base + index));
}

/** Ports that nobody listens on at this moment, for tests. */
export async function freePorts(): Promise<Ports> {
  return named(await takeFreePorts(portNames.length));
}

function named(numbers: readonly number[]): Ports {
  return Object.fromEntries(portNames.map((name, index) => [name, numbers[index]])) as unknown as Ports;
}

/**
 * So many different ports that nobody listens on; all are held until the last is found. They are below the range of outgoing
 * connections too: a server that is killed and comes back finds its port free.
 */
export async function takeFreePorts(count: number): Promise<readonly number[]> {
  const held = new Map<number, Server>();
  while (held.size < count) {
    const port = randomInt(...freeRange);
    if (held.has(port) || isDefault(port)) continue;
    const server = await listening(port).catch(() => undefined);
    if (server !== undefined) held.set(port, server);
  }
  await Promise.all([...held.values()].map(closed));
  return [...held.keys()];
}

function isDefault(port: number): boolean {
  return port >= defaultBasePort && port < defaultBasePort + portNames.length;
}

/** Throws `Misconfigured` when something listens on the port already. */
export async function requireFreePort(port: number, whose: string): Promise<void> {
  try {
    await closed(await listening(port));
  } catch (error) {
    if (!hasCode(error, "EADDRINUSE", "EACCES")) throw error;
    throw new Misconfigured([
      `port ${port} for ${whose} is taken by another program: stop it, or choose other ports with --base-port`,
    ]);
  }
}

function listening(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, loopback, () => resolve(server));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
