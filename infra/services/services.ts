/** The servers together: start those that do not run, find those that do, and do to each what a test or an operator wants. */

import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Misconfigured, messageOf, Unavailable } from "../../core/errors.ts";
import { bigquery } from "./bigquery.ts";
import { gcs } from "./gcs.ts";
import { defaultCache, programsOf } from "./install.ts";
import { kafka } from "./kafka.ts";
import { defaultBasePort, freePorts, type Ports, portsFrom } from "./ports.ts";
import {
  type Condition,
  conditionOf as conditionOfProcess,
  killProcess,
  pauseProcess,
  resumeProcess,
  type ServerProcess,
  stopProcess,
  untilReady,
} from "./process.ts";
import { pubsub } from "./pubsub.ts";
import {
  type Place,
  type RunningService,
  type ServiceKind,
  type ServiceName,
  serviceNames,
} from "./service.ts";
import { defaultFolder, readState, removeState, writeState } from "./state.ts";

export const kinds: Readonly<Record<ServiceName, ServiceKind>> = { kafka, gcs, pubsub, bigquery };

/** One server that was started. */
export interface Service extends Omit<RunningService, "processes"> {
  readonly processes: RunningService["processes"];
  /** `ended` as soon as one of its processes has ended. */
  condition(): Condition;
  /** Freezes it (SIGSTOP): connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** SIGKILL: it ends without a word, and its data stay as they are on disk. */
  kill(): Promise<void>;
  /**
   * Starts it again, on the same data and ports; stops it first when it runs. Pub/Sub keeps nothing over a restart, and Cloud
   * Storage keeps objects but no notifications: `provision` creates them again.
   */
  restart(): Promise<void>;
  /** Stops it orderly. Its data stay. */
  stop(): Promise<void>;
}

const readyWithinMs = 90_000;

export interface Services {
  readonly folder: string;
  readonly ports: Ports;
  readonly all: readonly Service[];
  has(name: ServiceName): boolean;
  /** Throws `Misconfigured` when it was not started. */
  of(name: ServiceName): Service;
  /** Stops all, and removes their folder with data and logs when told to. */
  stop(options?: { readonly purge?: boolean }): Promise<void>;
}

export interface StartOptions {
  /** Where state, data and logs are. @default .darkroom/services */
  readonly folder?: string;
  /** A base port, or free ones. Servers that ran in the folder before keep theirs. @default 24100 */
  readonly ports?: number | "free";
  /** @default all */
  readonly only?: readonly ServiceName[];
  /** Where `install` put the programs. @default below the user's cache folder */
  readonly cache?: string;
  /** Told what goes on, a line at a time. */
  readonly say?: (line: string) => void;
}

/**
 * Starts the servers that do not run, all at once, and resolves when they answer. Throws `Misconfigured` for one that is not
 * installed or whose port is taken, and `Unavailable` for one that does not come up; what did come up stays.
 */
export async function startServices(options: StartOptions = {}): Promise<Services> {
  const say = options.say ?? (() => {});
  const fleet = fleetIn(options, await portsFor(options));
  const wanted = options.only ?? serviceNames;
  const toStart = wanted.filter((name) => {
    const service = fleet.known(name);
    const isUp = service !== undefined && conditionOf(service) !== "ended";
    if (isUp) say(`${name} is already running at ${service.endpoint}`);
    return !isUp;
  });
  for (const name of toStart) programsOf(kinds[name], fleet.cache);
  const results = await Promise.allSettled(
    toStart.map(async (name) => {
      const startedMs = performance.now();
      const { endpoint } = await fleet.start(name);
      say(`${name} answers at ${endpoint} after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    }),
  );
  const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  if (failures.length > 0) throw oneError(failures);
  return servicesOf(fleet);
}

/** The servers that were started in a folder; nothing when none were. */
export function findServices(options: Pick<StartOptions, "folder" | "cache"> = {}): Services | undefined {
  const state = readState(resolve(options.folder ?? defaultFolder));
  return state && servicesOf(fleetIn(options, state.ports));
}

/** `ended` as soon as one process of it has ended: half a server is none. */
export function conditionOf(service: RunningService): Condition {
  const conditions = service.processes.map(conditionOfProcess);
  return conditions.find((one) => one === "ended") ?? conditions.find((one) => one === "paused") ?? "running";
}

/** A folder's servers. What is known of them is in its state file only, because other commands change them too. */
interface Fleet {
  readonly folder: string;
  readonly cache: string;
  readonly ports: Ports;
  known(name: ServiceName): RunningService | undefined;
  all(): readonly RunningService[];
  start(name: ServiceName): Promise<RunningService>;
  stop(name: ServiceName): Promise<void>;
}

function fleetIn(options: Pick<StartOptions, "folder" | "cache">, ports: Ports): Fleet {
  const folder = resolve(options.folder ?? defaultFolder);
  const cache = resolve(options.cache ?? defaultCache());
  const all = () => readState(folder)?.services ?? [];
  const known = (name: ServiceName) => all().find((service) => service.name === name);
  const stop = async (name: ServiceName) => {
    await Promise.all((known(name)?.processes ?? []).map((process) => stopProcess(process)));
  };
  /** From before it is ready: who is interrupted then finds its processes again. */
  const save = (name: ServiceName, service: RunningService | undefined) => {
    const services = [...all().filter((other) => other.name !== name), ...(service ? [service] : [])];
    if (services.length > 0) writeState(folder, { ports, services });
    else removeState(folder);
  };
  return {
    folder,
    cache,
    ports,
    known,
    all: () => serviceNames.flatMap((name) => known(name) ?? []),
    async start(name) {
      await stop(name);
      const service = await kinds[name].launch(placeOf(name, { folder, cache, ports }));
      save(name, service);
      try {
        await untilReady(service.processes, () => kinds[name].answers(service), readyWithinMs);
      } catch (error) {
        await Promise.all(service.processes.map(killProcess));
        throw error;
      }
      return service;
    },
    async stop(name) {
      await stop(name);
      save(name, undefined);
    },
  };
}

function servicesOf(fleet: Fleet): Services {
  const all = fleet.all().map((service) => serviceOf(service, fleet));
  return {
    folder: fleet.folder,
    ports: fleet.ports,
    all,
    has: (name) => all.some((service) => service.name === name),
    of(name) {
      const service = all.find((one) => one.name === name);
      if (service !== undefined) return service;
      throw new Misconfigured([`${name} was not started in ${fleet.folder}: start it with the others`]);
    },
    async stop({ purge = false } = {}) {
      await Promise.all(all.map((service) => service.stop()));
      if (purge) await rm(fleet.folder, { recursive: true, force: true });
    },
  };
}

/** `restart` keeps ports, so that only the processes change. */
function serviceOf(started: RunningService, fleet: Fleet): Service {
  const { name } = started;
  const current = () => fleet.known(name) ?? started;
  const toAll = async (action: (process: ServerProcess) => Promise<void>) => {
    await Promise.all(current().processes.map(action));
  };
  return {
    ...started,
    get processes() {
      return current().processes;
    },
    condition: () => conditionOf(current()),
    pause: () => toAll(pauseProcess),
    resume: () => toAll(resumeProcess),
    kill: () => toAll(killProcess),
    async restart() {
      await fleet.start(name);
    },
    stop: () => fleet.stop(name),
  };
}

function placeOf(
  name: ServiceName,
  { folder, cache, ports }: Pick<Fleet, "folder" | "cache" | "ports">,
): Place {
  const data = join(folder, "data");
  return {
    programs: programsOf(kinds[name], cache),
    data: join(data, name),
    buckets: join(data, "gcs"),
    logs: join(folder, "logs"),
    ports,
  };
}

/** Clients and the state file know the ports of what runs, so they change only when nothing runs. */
async function portsFor({ folder = defaultFolder, ports }: StartOptions): Promise<Ports> {
  const before = readState(resolve(folder));
  if (before === undefined) return ports === "free" ? await freePorts() : portsFrom(ports ?? defaultBasePort);
  if (ports === undefined || ports === "free" || portsFrom(ports).kafka === before.ports.kafka)
    return before.ports;
  if (before.services.every((service) => conditionOf(service) === "ended")) return portsFrom(ports);
  throw new Misconfigured([`servers run at ports from ${before.ports.kafka} already: stop them first`]);
}

function oneError(failures: readonly unknown[]): unknown {
  return failures.length === 1 ? failures[0] : new Unavailable(failures.map(messageOf).join("\n"));
}
