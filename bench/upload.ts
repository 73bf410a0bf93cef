/** The upload door beside a bare Fastify server that writes the same bodies with one sync each. */

import { join } from "node:path";
import type { Sending, Sent } from "./arms/http-senders.ts";
import { arm } from "./arms.ts";
import { newPlatform, up } from "./platforms.ts";
import { runTree } from "./processes.ts";
import { startProgram } from "./programs.ts";
import { interleave, type Rounds, share } from "./rounds.ts";
import { median } from "./statistics.ts";
import { judge } from "./verdict.ts";

const connections = 32;
const leastShare = 0.8;
/** The 99th percentile stays below so many medians. */
const mostSpread = 3;

export async function benchUpload(options: {
  /** An empty folder on the file system that is to be measured. */
  readonly scratch: string;
  readonly requests: number;
  readonly rounds: number;
}): Promise<void> {
  const folder = (arm: string, round: number) => join(options.scratch, `${arm}-${round}`);
  const rounds = await interleave<Sent>(options.rounds, {
    bare: (round) => measureBare(folder("bare", round), options.requests),
    darkroom: (round) => measureDarkroom(folder("darkroom", round), options.requests),
  });
  show(rounds);
}

async function measureBare(folder: string, requests: number): Promise<Sent> {
  const server = await startProgram(arm("bare-fastify", folder), { readyWhen: /"url":"([^"]+)"/ });
  try {
    return await send(String(server.ready[1]), {}, requests);
  } finally {
    await server.stop();
  }
}

async function measureDarkroom(folder: string, requests: number): Promise<Sent> {
  const platform = await newPlatform(folder);
  const server = await up(platform, "upload");
  try {
    return await send(String(server.ready[1]), { authorization: `Bearer ${platform.apiKey}` }, requests);
  } finally {
    await server.stop();
  }
}

/** From a process of its own, after a third as many requests to warm up. */
export async function send(url: string, headers: Sending["headers"], requests: number): Promise<Sent> {
  const warmUp = Math.ceil(requests / 3);
  const sending: Sending = { url: `${url}/v1/images`, headers, connections, warmUp, requests };
  const { lastLine } = await runTree(arm("http-senders", JSON.stringify(sending)), process.env);
  return JSON.parse(lastLine);
}

function show(rounds: Rounds<Sent>): void {
  const row = (name: string, arm: readonly Sent[]) => ({
    arm: name,
    "images/s": Math.round(median(arm.map((one) => one.perSecond))),
    "median ms": Number(median(arm.map((one) => one.medianMs)).toFixed(1)),
    "p99 ms": Number(median(arm.map((one) => one.p99Ms)).toFixed(1)),
  });
  console.table([row("bare Fastify", rounds.bare), row("darkroom upload door", rounds.darkroom)]);
  const speed = share(rounds, (one) => one.perSecond);
  const spread = median(rounds.darkroom.map((one) => one.p99Ms / one.medianMs));
  judge(
    `upload: ${speed.toFixed(2)} of a bare Fastify server (at least ${leastShare} wanted)`,
    speed >= leastShare,
  );
  judge(
    `upload: the 99th percentile is ${spread.toFixed(1)} medians (below ${mostSpread} wanted)`,
    spread < mostSpread,
  );
}
