/** One submission after the other: made, entered into the ledger, sent, and entered again with what its sender was told. */

import type { Random } from "../cli/demo/random.ts";
import { messageOf } from "../core/errors.ts";
import { sha256 } from "../core/ids.ts";
import { streamHeaders } from "../loaders/stream/door.ts";
import type { Stream } from "../loaders/stream/stream.ts";
import type { Ledger, Submission, SubmissionKind } from "./ledger.ts";
import { brokenOff, noPicture, tinyPicture } from "./pictures.ts";
import { sendOnce, sendUntilTold, type Told, type Upload } from "./sender.ts";
import type { Customer } from "./world.ts";

export interface SubmissionOptions {
  /** Ids begin with it. */
  readonly seed: number;
  readonly ledger: Ledger;
  /** Where the customers reach the upload door. */
  readonly uploadUrl: string;
  readonly customers: readonly [Customer, ...Customer[]];
  readonly stream: Stream;
}

export interface Submissions {
  /** An upload, sent until it is answered or `giveUp` aborts, and now and then what follows it. */
  upload(kind: SubmissionKind, random: Random, giveUp: AbortSignal): Promise<void>;
  /** An upload of a customer who never tries again. */
  uploadOnce(kind: SubmissionKind, random: Random): Promise<void>;
  /** A message; not sent again by itself, since the broker would take it for another one. */
  produce(kind: SubmissionKind, random: Random): Promise<void>;
}

/** Of a hundred uploads so many are sent again after they were acknowledged, … */
const repeated = 10;
/** … and so many keys are used for another picture too. */
const clashing = 4;

export function submissions(options: SubmissionOptions): Submissions {
  let count = 0;

  function offer(submission: Omit<Submission, "id" | "contentSha256">, bytes: Buffer): string {
    count += 1;
    const id = `${options.seed}-${String(count).padStart(4, "0")}-${submission.door}-${submission.kind}`;
    options.ledger.offer({ ...submission, id, contentSha256: sha256(bytes) });
    return id;
  }

  function enter(id: string, { answer, detail, imageId }: Told): void {
    options.ledger.answer(id, answer, detail, imageId);
  }

  async function offerUpload(kind: SubmissionKind, random: Random): Promise<Upload & { customerId: string }> {
    const { customerId, apiKey } = random.pick(options.customers);
    const bytes = await bytesOf(kind, random);
    const id = offer({ door: "upload", kind, customerId }, bytes);
    const key = kind === "stranger" ? "dk_of-nobody" : apiKey;
    return { customerId, url: options.uploadUrl, apiKey: key, idempotencyKey: id, fileName: id, bytes };
  }

  return {
    async upload(kind, random, giveUp) {
      const sent = await offerUpload(kind, random);
      const told = await sendUntilTold(sent, giveUp);
      enter(sent.fileName, told);
      if (told.answer !== "acknowledged") return;
      if (random.whole(1, 100) <= repeated) enter(sent.fileName, await sendUntilTold(sent, giveUp));
      if (random.whole(1, 100) > clashing) return;
      const bytes = await tinyPicture(random);
      const id = offer({ door: "upload", kind: "clash", customerId: sent.customerId }, bytes);
      enter(id, await sendUntilTold({ ...sent, fileName: id, bytes }, giveUp));
    },

    async uploadOnce(kind, random) {
      const sent = await offerUpload(kind, random);
      enter(sent.fileName, await sendOnce(sent));
    },

    async produce(kind, random) {
      const bytes = await bytesOf(kind, random);
      const customerId = kind === "stranger" ? "nobody" : random.pick(options.customers).customerId;
      const id = offer({ door: "stream", kind, customerId }, bytes);
      const headers = { [streamHeaders.customerId]: customerId, [streamHeaders.fileName]: id };
      try {
        await options.stream.produce([{ value: bytes, headers }]);
        enter(id, { answer: "acknowledged", detail: "by the broker" });
      } catch (error) {
        enter(id, { answer: "unknown", detail: messageOf(error) });
      }
    },
  };
}

async function bytesOf(kind: SubmissionKind, random: Random): Promise<Buffer> {
  if (kind === "no-image") return noPicture(random);
  const picture = await tinyPicture(random);
  return kind === "damaged" ? brokenOff(picture) : picture;
}
