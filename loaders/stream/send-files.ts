/** Sends files and claims into a stream as another application would: a small producer for trials. */

import { readFile, stat } from "node:fs/promises";
import { createBudget } from "../../core/budget.ts";
import { messageOf, Refused } from "../../core/errors.ts";
import { type FoundFile, filesBelow } from "../folder/files.ts";
import { claimContentType } from "./claim.ts";
import { streamHeaders } from "./door.ts";
import type { NewStreamMessage, Stream } from "./stream.ts";

export interface SendOptions {
  /** Folders and files; of folders everything below that is not hidden, whether an image or not. */
  readonly paths: readonly string[];
  /** Addresses of images, each sent as a claim. */
  readonly claims: readonly string[];
  readonly customerId: string;
  /** What the sender says that the images are. */
  readonly contentType?: string;
  /** Stops between messages; what is under way is finished. */
  readonly signal: AbortSignal;
  readonly onSent?: (summary: SendSummary, sent: SendResult) => void;
}

export interface SendSummary {
  sent: number;
  claimed: number;
  /** Larger than the stream takes. */
  tooLarge: number;
  /** Could not be opened or read. */
  unreadable: number;
  sentBytes: number;
}

export type SendResult =
  | { readonly kind: "sent"; readonly name: string; readonly bytes: number }
  | { readonly kind: "claimed"; readonly name: string }
  | { readonly kind: "tooLarge"; readonly name: string; readonly refusal: Refused }
  | { readonly kind: "unreadable"; readonly name: string; readonly message: string };

/** Files read and sent at a time. */
const concurrency = 4;
/** No stream takes as much in one message, so a file that is larger need not be read to learn that. */
const readBytes = 256 * 1024 * 1024;

/** @throws Misconfigured when a path cannot be read, Unavailable when the stream cannot be written */
export async function sendFiles(stream: Pick<Stream, "produce">, options: SendOptions): Promise<SendSummary> {
  const summary: SendSummary = { sent: 0, claimed: 0, tooLarge: 0, unreadable: 0, sentBytes: 0 };
  const slots = createBudget(concurrency);
  const failures: unknown[] = [];
  for await (const send of sendings(stream, options)) {
    const release = await slots.take();
    if (options.signal.aborted || failures.length > 0) {
      release();
      break;
    }
    send()
      .then((result) => {
        summary[result.kind] += 1;
        if (result.kind === "sent") summary.sentBytes += result.bytes;
        options.onSent?.(summary, result);
      })
      .catch((error) => failures.push(error))
      .finally(release);
  }
  await slots.whenFree();
  if (failures.length > 0) throw failures[0];
  return summary;
}

async function* sendings(
  stream: Pick<Stream, "produce">,
  options: SendOptions,
): AsyncGenerator<() => Promise<SendResult>> {
  for (const uri of options.claims) yield () => sendClaim(stream, options, uri);
  for (const path of options.paths) {
    for await (const found of filesBelow(path)) yield () => sendFile(stream, options, found);
  }
}

async function sendFile(
  stream: Pick<Stream, "produce">,
  { customerId, contentType }: SendOptions,
  { path, relativePath }: FoundFile,
): Promise<SendResult> {
  const name = relativePath.toString("utf8");
  let value: Buffer;
  try {
    const { size } = await stat(path);
    if (size > readBytes) return { kind: "tooLarge", name, refusal: tooLarge(size) };
    value = await readFile(path);
  } catch (error) {
    return { kind: "unreadable", name, message: messageOf(error) };
  }
  return produceOne(stream, name, {
    value,
    headers: {
      [streamHeaders.customerId]: customerId,
      [streamHeaders.fileName]: relativePath.subarray(relativePath.lastIndexOf("/") + 1),
      ...(contentType === undefined ? {} : { [streamHeaders.contentType]: contentType }),
    },
  });
}

async function sendClaim(
  stream: Pick<Stream, "produce">,
  { customerId, contentType }: SendOptions,
  uri: string,
): Promise<SendResult> {
  const claim = { uri, customer_id: customerId, content_type: contentType };
  const value = Buffer.from(JSON.stringify(claim), "utf8");
  const result = await produceOne(stream, uri, {
    value,
    headers: { [streamHeaders.contentType]: claimContentType },
  });
  return result.kind === "sent" ? { kind: "claimed", name: uri } : result;
}

async function produceOne(
  stream: Pick<Stream, "produce">,
  name: string,
  message: NewStreamMessage,
): Promise<SendResult> {
  try {
    await stream.produce([message]);
    return { kind: "sent", name, bytes: message.value.length };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { kind: "tooLarge", name, refusal: error };
  }
}

function tooLarge(bytes: number): Refused {
  return new Refused("too_large", `A message of ${bytes} bytes is too large`, `at most ${readBytes} bytes`);
}
