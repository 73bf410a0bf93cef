/** The stream door beside a bare kafkajs consumer that writes the same images with one sync each: messages, and claims of images. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { arm } from "./arms.ts";
import { putPictures } from "./claims.ts";
import { newPlatform, up } from "./platforms.ts";
import { type Program, startProgram } from "./programs.ts";
import { interleave, type Rounds, share } from "./rounds.ts";
import type { BenchServices } from "./services.ts";
import { median } from "./statistics.ts";
import { claimMessages, type Filling, fillTopic, pictureMessages, removeTopics } from "./topics.ts";
import { judge } from "./verdict.ts";

const leastShare = 0.8;
const claimedPictures = 100;
/** Often enough for a round of seconds, seldom enough to cost nothing. */
const lookEveryMs = 250;

export interface StreamBench {
  readonly services: BenchServices;
  /** An empty folder on the file system that is to be measured. */
  readonly scratch: string;
  readonly messages: number;
  readonly rounds: number;
}

type Content = Pick<Filling, "contentType" | "makeValue">;

/** Messages that are images of 20 KB. */
export async function benchStream(options: StreamBench): Promise<void> {
  const content = await pictureMessages();
  const rounds = await compare(options, content, (platform) => up(platform, "stream"));
  show("stream", rounds);
}

/** Messages of 1 KB that name images of 20 KB on the Cloud Storage server. */
export async function benchClaims(options: StreamBench): Promise<void> {
  const { storage, bucket } = options.services;
  const content = claimMessages(await putPictures({ bucket, endpoint: storage }, claimedPictures));
  const rounds = await compare(options, content, ({ settings }) =>
    startProgram(arm("claims-door", `gs://${bucket}`, storage), { settings, readyWhen: /"url":"([^"]+)"/ }),
  );
  show("claims", rounds);
}

/** Images a second of both arms, each round from a topic of its own that was filled before. */
async function compare(
  { services, scratch, messages, rounds }: StreamBench,
  content: Content,
  startDoor: (platform: Awaited<ReturnType<typeof newPlatform>>) => Promise<Program>,
): Promise<Rounds<number>> {
  const { broker, storage } = services;
  const topics: string[] = [];
  const measured = async (start: (folder: string, topic: string) => Promise<Program>) => {
    const topic = `bench-${randomBytes(6).toString("hex")}`;
    topics.push(topic);
    await fillTopic({ broker, topic, messages, ...content });
    const program = await start(join(scratch, topic), topic);
    try {
      return await rateOf(String(program.ready[1]), messages);
    } finally {
      await program.stop();
    }
  };
  try {
    return await interleave(rounds, {
      bare: () =>
        measured((folder, topic) =>
          startProgram(arm("bare-kafkajs", folder, broker, topic, storage), { readyWhen: /"url":"([^"]+)"/ }),
        ),
      darkroom: () =>
        measured(async (folder, topic) =>
          startDoor(
            await newPlatform(folder, { DARKROOM_STREAM: `kafka://${broker}/${topic}?group=${topic}` }),
          ),
        ),
    });
  } finally {
    await removeTopics(broker, topics);
  }
}

/** Images a second, without the first quarter: the join of the group and the warming up are no part of the speed. */
async function rateOf(url: string, messages: number): Promise<number> {
  const seen: { readonly atMs: number; readonly done: number }[] = [];
  for (let done = 0; done < messages; await delay(lookEveryMs)) {
    done = await storedByStream(url);
    if (done >= messages / 4 && done < messages) seen.push({ atMs: performance.now(), done });
  }
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined || first === last) return Number.NaN;
  return ((last.done - first.done) / (last.atMs - first.atMs)) * 1000;
}

/** What a stream door, or the bare arm in its place, says that it has stored. */
export async function storedByStream(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^darkroom_images_received_total\{source="stream"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
}

function show(part: string, { bare, darkroom }: Rounds<number>): void {
  console.table([
    { arm: "bare kafkajs", "images/s": Math.round(median(bare)) },
    { arm: `darkroom stream door, ${part}`, "images/s": Math.round(median(darkroom)) },
  ]);
  const speed = share({ bare, darkroom }, (perSecond) => perSecond);
  judge(
    `${part}: ${speed.toFixed(2)} of a bare kafkajs consumer (at least ${leastShare} wanted)`,
    speed >= leastShare,
  );
}
