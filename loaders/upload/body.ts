/** Reading a picture out of a request: raw or multipart, never more than the limit in memory. */

import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { Refused } from "../../core/errors.ts";

export interface Picture {
  /** At most the limit and one byte more, which tells that the body was longer. */
  readonly bytes: Buffer;
  readonly declaredType: string | undefined;
  readonly fileName: string | undefined;
  /** What is wrong with the name; the bytes are read all the same, so that they can be kept. */
  readonly fault: Refused | undefined;
}

/** After the limit the rest is read and dropped, up to so much, so that the sender gets to read the answer. */
const mostDropped = 1024 * 1024 * 1024;

/** The one picture of the request. Throws `Refused` (`bad_request`) when there is not exactly one. */
export async function readPicture(request: FastifyRequest, limit: number): Promise<Picture> {
  if (!request.isMultipart()) {
    return {
      bytes: await readLimited(request.raw, limit),
      declaredType: request.headers["content-type"],
      ...nameOf(request.headers["x-file-name"], decodeURIComponent),
    };
  }
  let picture: Picture | undefined;
  for await (const part of request.files({ limits: { files: 2 } })) {
    if (picture !== undefined) {
      part.file.resume();
      throw new Refused("bad_request", "the form holds more than one file", "one file a request");
    }
    picture = {
      bytes: await readLimited(part.file, limit),
      declaredType: part.mimetype,
      ...nameOf(part.filename, (name) => name),
    };
  }
  if (picture !== undefined) return picture;
  throw new Refused("bad_request", "the form holds no file", "one file in a multipart/form-data field");
}

async function readLimited(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (size <= limit) chunks.push(chunk.subarray(0, limit + 1 - size));
    size += chunk.length;
    if (size > limit + mostDropped) break;
  }
  return Buffer.concat(chunks);
}

/**
 * The name of the file. In `X-File-Name` it is UTF-8, percent-encoded, since header values are not text of any language; where a
 * form's bytes were not UTF-8 a replacement character stands, and the name that was meant is lost.
 */
function nameOf(
  given: string | string[] | undefined,
  decode: (name: string) => string,
): Pick<Picture, "fileName" | "fault"> {
  if (given === undefined) return { fileName: undefined, fault: undefined };
  try {
    const fileName = decode(String(given));
    if (!fileName.includes("\uFFFD")) return { fileName, fault: undefined };
  } catch {
    // decodeURIComponent throws for percent-encoded bytes that are not UTF-8.
  }
  const expected = "a file name in UTF-8, percent-encoded in X-File-Name";
  return {
    fileName: undefined,
    fault: new Refused("bad_file_name", "the file name is not valid UTF-8", expected),
  };
}
