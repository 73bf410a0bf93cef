/** The traffic: customers that upload and an application that produces, side by side, until they are told to stop. */

import { setTimeout as sleep } from "node:timers/promises";
import { type Random, seededRandom } from "../cli/demo/random.ts";
import type { SubmissionKind } from "./ledger.ts";
import { type SubmissionOptions, submissions } from "./submissions.ts";

export interface TrafficOptions extends SubmissionOptions {
  /** Ends it all at once. */
  readonly signal: AbortSignal;
}

export interface Traffic {
  /** One sound image by each door, tried until it is answered. Resolves when both are, or `withinMs` are over. */
  sendFresh(withinMs: number): Promise<void>;
  /** Nothing new is sent. Resolves when everybody has an answer; gives up after `withinMs`. */
  stop(withinMs: number): Promise<void>;
}

const uploaders = 3;
const producers = 2;
const pauseMs = [120, 400] as const;

/** Shares of a hundred: most is sound. */
const kinds: readonly [SubmissionKind, ...SubmissionKind[]] = [
  "sound",
  ...Array<SubmissionKind>(84).fill("sound"),
  ...Array<SubmissionKind>(6).fill("damaged"),
  ...Array<SubmissionKind>(5).fill("no-image"),
  ...Array<SubmissionKind>(4).fill("stranger"),
];
/** Of a hundred uploads so many are not tried again. */
const impatient = 8;

/** Starts to send. */
export function startTraffic(options: TrafficOptions): Traffic {
  const { upload, uploadOnce, produce } = submissions(options);
  const stop = new AbortController();
  const giveUp = new AbortController();
  const stopping = AbortSignal.any([options.signal, stop.signal]);
  const givingUp = AbortSignal.any([options.signal, giveUp.signal]);

  const uploadOne = (kind: SubmissionKind, random: Random) =>
    random.whole(1, 100) <= impatient ? uploadOnce(kind, random) : upload(kind, random, givingUp);

  const senders = [...Array(uploaders).fill(uploadOne), ...Array(producers).fill(produce)];
  const sending = Promise.all(
    senders.map((send, index) => keepSending(send, randomOf(options.seed, index), stopping)),
  );
  // Told by `stop`; until then nobody waits for it.
  sending.catch(() => undefined);

  return {
    async sendFresh(withinMs) {
      const random = randomOf(options.seed, senders.length);
      const sent = Promise.all([upload("sound", random, givingUp), produce("sound", random)]);
      await Promise.race([sent, sleep(withinMs, undefined, { ref: false })]);
    },
    async stop(withinMs) {
      stop.abort();
      const late = setTimeout(() => giveUp.abort(), withinMs);
      await sending.finally(() => clearTimeout(late));
    },
  };
}

async function keepSending(
  send: (kind: SubmissionKind, random: Random) => Promise<void>,
  random: Random,
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    await send(random.pick(kinds), random);
    await sleep(random.whole(...pauseMs));
  }
}

/** A sender of its own draws, so that it sends the same whatever becomes of the others. */
function randomOf(seed: number, sender: number): Random {
  return seededRandom(seed * 1000 + sender);
}
