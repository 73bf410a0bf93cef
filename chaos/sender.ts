/** A customer's client: sends an image by HTTP, again and again with the same Idempotency-Key, until it is told yes or no. */

import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { messageOf } from "../core/errors.ts";
import type { Answer } from "./ledger.ts";

export interface Upload {
  readonly url: string;
  readonly apiKey: string;
  readonly idempotencyKey: string;
  readonly fileName: string;
  readonly bytes: Buffer;
}

export interface Told {
  readonly answer: Answer;
  /** HTTP status, or why there was none. */
  readonly detail: string;
  readonly imageId?: string;
}

/** Longer than any fault lasts. */
const answerWithinMs = 10_000;
const againAfterMs = 150;

const acceptedSchema = z.object({ image_id: z.string() });

/** Sends until there is an answer, or `giveUp` aborts. */
export async function sendUntilTold(upload: Upload, giveUp: AbortSignal): Promise<Told> {
  for (;;) {
    const told = await sendOnce(upload);
    if (told.answer !== "unknown" || giveUp.aborted) return told;
    await sleep(againAfterMs);
  }
}

/** One try. An answer that breaks off, or that says "later", is none: the image may be received or not. */
export async function sendOnce({ url, apiKey, idempotencyKey, fileName, bytes }: Upload): Promise<Told> {
  try {
    const response = await fetch(`${url}/v1/images`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${apiKey}`,
        "idempotency-key": idempotencyKey,
        "content-type": "image/png",
        "x-file-name": fileName,
      },
      body: new Uint8Array(bytes),
      signal: AbortSignal.timeout(answerWithinMs),
    });
    const body = await response.text();
    const detail = String(response.status);
    if (response.ok) {
      return { answer: "acknowledged", detail, imageId: acceptedSchema.parse(JSON.parse(body)).image_id };
    }
    if (response.status >= 500 || response.status === 429) return { answer: "unknown", detail };
    return { answer: "refused", detail };
  } catch (error) {
    return { answer: "unknown", detail: messageOf(error) };
  }
}
