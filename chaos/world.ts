/** A world: darkroom's processes, what they stand on, and the ways in which both can be disturbed. */

import { mkdir } from "node:fs/promises";
import { openPlatform, type Platform } from "../cli/wiring.ts";
import { readConfig } from "../core/config.ts";
import { type FaultProxy, startFaultProxy } from "../infra/services/fault-proxy.ts";
import { takeFreePorts } from "../infra/services/ports.ts";
import type { Services } from "../infra/services/services.ts";
import { type JumpingClock, jumpingClock } from "./clock.ts";
import type { SmallDisk } from "./disk.ts";
import { type Place, type Program, superviseProgram } from "./program.ts";

export const worldKinds = ["embedded", "services"] as const;
export type WorldKind = (typeof worldKinds)[number];

/** The processes that a supervisor keeps running. */
export type ProgramName = "door" | "worker" | "loader";

export interface World {
  readonly kind: WorldKind;
  /** The worker may be the door. */
  readonly programs: Readonly<Record<ProgramName, Program>>;
  readonly clock: JumpingClock;
  /** Between customers and the upload door. */
  readonly customersProxy: FaultProxy;
  /** What commands and further processes are started with: settings without any fault between. */
  readonly calm: Place;
  /** The same with the faults between, for processes that stand beside the supervised ones. */
  readonly disturbed: Place;
  /** This process's own way to lake, stream and customers, past the faults. */
  readonly platform: Platform;
  readonly customers: readonly [Customer, ...Customer[]];
  /** For processes that are started beside. */
  readonly sparePorts: { readonly worker: number; readonly loader: number };
  /** The lake's own disk, or why it has none. */
  readonly disk: SmallDisk | { readonly reason: string };
  /** In the services' world: the servers, and what stands between darkroom and them. */
  readonly services?: ServicesBehind;
  /** What faults found out while they were at work. */
  readonly complaints: string[];
  /** Ends all that was started for this world. */
  close(): Promise<void>;
}

/** A customer as the traffic needs it. */
export interface Customer {
  readonly customerId: string;
  readonly apiKey: string;
}

export interface ServicesBehind {
  readonly services: Services;
  readonly proxies: Readonly<Record<"images" | "arrivals" | "warehouse", FaultProxy>>;
}

export interface Foundation extends Pick<World, "kind" | "disk" | "services"> {
  readonly folder: string;
  /** Where things are, without any fault between. */
  readonly calmSettings: Settings;
  /** Where the programs are told that they are. */
  readonly disturbedSettings: Settings;
  close(): Promise<void>;
}

/** Each process once. */
export function programsOf({ programs }: Pick<World, "programs">): readonly Program[] {
  return [...new Set([programs.door, programs.worker, programs.loader])];
}

export interface WorldOptions {
  /** For the proxies; from 0 to below 1. */
  readonly random: () => number;
  /** False puts the worker into the door's process. */
  readonly isWorkerApart: boolean;
}

type Settings = Readonly<Record<string, string>>;

/** Starts a world's processes on a foundation; they may still be starting when this resolves. */
export async function startWorld(foundation: Foundation, options: WorldOptions): Promise<World> {
  try {
    return await startOn(foundation, options);
  } catch (error) {
    await foundation.close();
    throw error;
  }
}

async function startOn(foundation: Foundation, options: WorldOptions): Promise<World> {
  const { folder, kind, disk, services } = foundation;
  await mkdir(folder, { recursive: true });
  const clock = jumpingClock(folder);
  const end = new AbortController();
  const over = end.signal;
  const calm = { folder, over, settings: foundation.calmSettings };
  const environment = { NODE_OPTIONS: clock.nodeOptions };
  const disturbed = { folder, over, settings: { ...foundation.disturbedSettings, ...environment } };
  const platform = await openPlatform({ logLevel: "silent", config: readConfig(calm.settings) });
  // Before the doors begin, which look for new customers only now and then.
  const customers = await makeCustomers(platform);
  const [besideWorker = 0, besideLoader = 0, ...ports] = await takeFreePorts(5);
  const programs = startPrograms(disturbed, ports, options);
  const customersProxy = await startFaultProxy({ target: programs.door.url, random: options.random });
  return {
    kind,
    programs,
    clock,
    customersProxy,
    calm,
    disturbed,
    platform,
    customers,
    sparePorts: { worker: besideWorker, loader: besideLoader },
    disk,
    complaints: [],
    ...(services === undefined ? {} : { services }),
    async close() {
      end.abort();
      await Promise.all(programsOf({ programs }).map((program) => program.gone()));
      await customersProxy.close();
      await platform.close();
      await foundation.close();
    },
  };
}

function startPrograms(
  place: Place,
  [door = 0, loader = 0, worker = 0]: readonly number[],
  { isWorkerApart }: WorldOptions,
): World["programs"] {
  const withDoor = superviseProgram(
    "door",
    isWorkerApart ? "upload,stream" : "upload,stream,worker",
    door,
    place,
  );
  return {
    door: withDoor,
    worker: isWorkerApart ? superviseProgram("worker", "worker", worker, place) : withDoor,
    loader: superviseProgram("loader", "loader", loader, place),
  };
}

async function makeCustomers({ customers }: Platform): Promise<World["customers"]> {
  const ids = ["studio", "museum"] as const;
  const others = { plan: "starter", country: "PT", is_active: true };
  await customers.upsert(ids.map((id) => ({ customer_id: id, name: id, ...others })));
  const withKey = async (customerId: string): Promise<Customer> => ({
    customerId,
    apiKey: await customers.issueKey(customerId),
  });
  return [await withKey(ids[0]), await withKey(ids[1])];
}

/** What is the same in both worlds: small waits, so that much happens in little time. */
export const hurriedSettings: Settings = {
  DARKROOM_LOG_LEVEL: "info",
  DARKROOM_SEGMENT_AGE_MS: "200",
  DARKROOM_SEGMENT_ROWS: "20",
  DARKROOM_WORKER_CONCURRENCY: "4",
  // Workers are killed more often here than in years of a calm place; an image that they were at is not to blame.
  DARKROOM_WORKER_ATTEMPTS: "50",
};
