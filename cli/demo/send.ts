/** Sending the demo's pictures as strangers would: over HTTP with a key, and as messages of the stream. */

import { setTimeout as delay } from "node:timers/promises";
import { Unavailable } from "../../core/errors.ts";
import { streamHeaders } from "../../loaders/stream/door.ts";
import type { Stream } from "../../loaders/stream/stream.ts";
import type { DemoPicture } from "./pictures.ts";

/** What the sender was told. */
export type Answer = "accepted" | "refused" | "turned away";

/** One upload; a busy or unreachable server is tried again with the same Idempotency-Key, so nothing is received twice. */
export async function sendByHttp(
  url: string,
  apiKey: string,
  picture: DemoPicture,
  idempotencyKey: string,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(`${url}/v1/images`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${apiKey}`,
        "idempotency-key": idempotencyKey,
        "content-type": picture.mediaType,
        "x-file-name": encodeURIComponent(picture.fileName),
      },
      body: new Uint8Array(picture.bytes),
    });
    await response.arrayBuffer();
    if (response.ok) return "accepted";
    if (response.status === 401) return "turned away";
    if (response.status < 500) return "refused";
    if (attempt === 10) throw new Unavailable(`the upload door answers ${response.status} again and again`);
    await delay(200 * attempt);
  }
}

/** One message; without a customer the header is left out. */
export async function sendByStream(
  stream: Stream,
  customerId: string | undefined,
  picture: DemoPicture,
): Promise<void> {
  const headers = {
    [streamHeaders.fileName]: picture.fileName,
    [streamHeaders.contentType]: picture.mediaType,
  };
  await stream.produce([
    {
      value: picture.bytes,
      headers: customerId === undefined ? headers : { ...headers, [streamHeaders.customerId]: customerId },
    },
  ]);
}
