/** Resident memory of each process while many images wait: doors that take them in, the worker and the loader behind them. */

import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type BenchPlatform, newPlatform, up } from "./platforms.ts";
import { watchResident } from "./processes.ts";
import type { Program } from "./programs.ts";
import type { BenchServices } from "./services.ts";
import { storedByStream } from "./stream.ts";
import { fillTopic, pictureMessages, removeTopics } from "./topics.ts";
import { send } from "./upload.ts";
import { judge } from "./verdict.ts";

const mostMb = 300;
/** So long worker and loader are watched. */
const watchedMs = 45_000;

interface Peak {
  readonly part: string;
  readonly process: string;
  readonly "peak MB": number;
}

export async function benchMemory(options: {
  /** Without them the stream door is left out. */
  readonly services: BenchServices | undefined;
  /** An empty folder. */
  readonly scratch: string;
  readonly images: number;
}): Promise<void> {
  const { services, scratch, images } = options;
  const topic = `bench-${randomBytes(6).toString("hex")}`;
  const stream = services && { DARKROOM_STREAM: `kafka://${services.broker}/${topic}?group=${topic}` };
  const platform = await newPlatform(scratch, stream);
  const peaks = await watched(platform, "upload", async (door) => {
    await send(String(door.ready[1]), { authorization: `Bearer ${platform.apiKey}` }, images);
  });
  if (services !== undefined) {
    const { broker } = services;
    await fillTopic({ broker, topic, messages: images, ...(await pictureMessages()) });
    const drain = (door: Program) => untilStored(String(door.ready[1]), images);
    peaks.push(...(await watched(platform, "stream", drain)));
    await removeTopics(broker, [topic]);
  }
  peaks.push(...(await watched(platform, "worker", () => delay(watchedMs))));
  peaks.push(...(await watched(platform, "loader", () => delay(watchedMs))));
  console.table(peaks);
  const largest = Math.max(...peaks.map((peak) => peak["peak MB"]));
  judge(`memory: at most ${largest} MB in a process (below ${mostMb} wanted)`, largest < mostMb);
}

/** The parts' processes from their start until `during` has ended. */
async function watched(
  platform: BenchPlatform,
  part: string,
  during: (program: Program) => Promise<void>,
): Promise<Peak[]> {
  const program = await up(platform, part);
  const peaks = watchResident(program.pid);
  try {
    await during(program);
    return peaks().map(({ name, peakMb }) => ({ part, process: name, "peak MB": Math.round(peakMb) }));
  } finally {
    await program.stop();
  }
}

async function untilStored(url: string, images: number): Promise<void> {
  while ((await storedByStream(url)) < images) await delay(500);
}
