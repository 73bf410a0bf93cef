/** Faults of every world: processes that die or hang, customers' bad lines, repeated notices, a second worker, jumping clocks. */

import type { Random } from "../cli/demo/random.ts";
import type { Fault as ProxyFault } from "../infra/services/fault-proxy.ts";
import { originals, rejected } from "../lake/layout.ts";
import type { Fault } from "./faults.ts";
import { startBeside } from "./program.ts";
import type { ProgramName, World } from "./world.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const programs = ["door", "worker", "loader"] as const;

const kills: readonly Fault[] = programs.map((name) => ({
  name: `kill-${name}`,
  lastsMs: [0, 0],
  async inject(world) {
    world.programs[name].kill();
    return { heal: async () => {} };
  },
}));

/** Hangs are worse than deaths: what hung goes on with what it knew, when others have long taken over. */
const hangs: readonly Fault[] = programs.map((name: ProgramName) => ({
  name: `hang-${name}`,
  lastsMs: [500, 2500],
  async inject(world) {
    world.programs[name].pause();
    return { heal: async () => world.programs[name].resume() };
  },
}));

/** What goes wrong between a client and a server that speak HTTP. */
export function badLine(random: Random): ProxyFault {
  return random.pick<ProxyFault>([
    { latencyMs: random.whole(50, 400) },
    { resetProbability: 0.2 },
    { stall: true },
    { down: true },
    { answer: { status: 503, probability: 0.6 } },
    { answer: { status: 429, probability: 0.6, retryAfterSeconds: 1 } },
  ]);
}

const customersLine: Fault = {
  name: "customers-line",
  lastsMs: [500, 2500],
  async inject({ customersProxy }, random) {
    const fault = badLine(random);
    customersProxy.setFault(fault);
    return { note: JSON.stringify(fault), heal: async () => customersProxy.setFault({}) };
  },
};

/** Notices of what arrived before come again, some of them twice, in another order. */
const repeatedNotices: Fault = {
  name: "repeat-notices",
  lastsMs: [0, 0],
  async inject(world, random) {
    const keys = await keysIn(world);
    const shuffled = keys
      .flatMap((key) => (random.next() < 0.3 ? [key, key] : [key]))
      .map((key) => ({ key, at: random.next() }))
      .sort((one, other) => one.at - other.at);
    for (const { key } of shuffled) await world.platform.arrivals.announce(key);
    return { note: `${shuffled.length} notices`, heal: async () => {} };
  },
};

async function keysIn({ platform }: World): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const prefix of [originals, rejected]) {
    for await (const key of platform.images.list({ prefix })) keys.push(key);
  }
  return keys;
}

const secondWorker: Fault = {
  name: "second-worker",
  lastsMs: [500, 2500],
  async inject({ disturbed, sparePorts }) {
    const { isReady, kill } = await startBeside("worker", sparePorts.worker, disturbed);
    return { ...(isReady ? {} : { note: "not ready" }), heal: kill };
  },
};

/** Forward or back, by minutes or past midnight, and back to the right time at the end. */
const clockJump: Fault = {
  name: "clock-jump",
  lastsMs: [500, 4000],
  async inject({ clock }, random) {
    const size = random.pick([random.whole(2, 59) * minuteMs, random.whole(1, 26) * hourMs]);
    const offsetMs = random.pick([-1, 1]) * size;
    clock.shift(offsetMs);
    return { note: `${offsetMs / minuteMs} min`, heal: async () => clock.shift(0) };
  },
};

export const generalFaults: readonly Fault[] = [
  ...kills,
  clockJump,
  customersLine,
  ...hangs,
  repeatedNotices,
  secondWorker,
];
