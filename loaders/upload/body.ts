/** Reading a picture out of a request: raw or multipart, never more than the limit in memory. */

import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { messageOf, Refused, Unavailable } from "../../core/errors.ts";

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

/** Asked before each chunk is kept; throws when there is no room for so many bytes more. */
export type Reserve = (bytes: number) => void;

/**
 * The one picture of the request. Throws `Refused` (`bad_request`) when there is not exactly one, and what `reserve` throws.
 */
export async function readPicture(
  request: FastifyRequest,
  limit: number,
  reserve: Reserve,
): Promise<Picture> {
  if (!request.isMultipart()) {
    return {
      bytes: await readLimited(request.raw, limit, reserve),
      declaredType: request.headers["content-type"],
      ...nameOf(request.headers["x-file-name"], decodeHeader),
    };
  }
  const picture = await readForm(request, limit, reserve);
  if (picture !== undefined) return picture;
  throw new Refused("bad_request", "the form holds no file", "one file in a multipart/form-data field");
}

async function readForm(
  request: FastifyRequest,
  limit: number,
  reserve: Reserve,
): Promise<Picture | undefined> {
  let picture: Picture | undefined;
  try {
    for await (const part of request.files({ limits: { files: 2 } })) {
      if (picture !== undefined) {
        part.file.resume();
        throw new Refused("bad_request", "the form holds more than one file", "one file a request");
      }
      picture = {
        bytes: await readLimited(part.file, limit, reserve),
        declaredType: part.mimetype,
        ...nameOf(part.filename, (name) => name),
      };
    }
  } catch (error) {
    if (error instanceof Refused || error instanceof Unavailable) throw error;
    // Whatever the form's parser says is about the form.
    const expected = "a whole multipart/form-data body with its boundary and one file";
    throw new Refused("bad_request", `the form cannot be read: ${messageOf(error)}`, expected);
  }
  return picture;
}

/** By events: to iterate over a small request costs a quarter of all that the door does beside storing it. */
function readLimited(stream: Readable, limit: number, reserve: Reserve): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const keep = (chunk: Buffer) => {
      const kept = chunk.subarray(0, Math.max(0, limit + 1 - size));
      size += chunk.length;
      try {
        if (kept.length > 0) reserve(kept.length);
      } catch (error) {
        stream.off("data", keep).resume();
        reject(error);
        return;
      }
      if (kept.length > 0) chunks.push(kept);
      if (size <= limit + mostDropped) return;
      stream.destroy();
      resolve(Buffer.concat(chunks));
    };
    stream.on("data", keep);
    stream.on("end", () => resolve(Buffer.concat(chunks)));
    stream.on("error", reject);
    // It closes after each body; an error, with its stack, costs as much as a look at the headers.
    stream.on("close", () => {
      if (!stream.readableEnded) reject(new Unavailable("the connection ended within the body"));
    });
  });
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
    // Bytes that are not UTF-8, or not percent-encoded.
  }
  const expected = "a file name in UTF-8, percent-encoded in X-File-Name";
  return {
    fileName: undefined,
    fault: new Refused("bad_file_name", "the file name is not valid UTF-8", expected),
  };
}

/** Throws for what is not percent-encoded: Node.js reads other bytes as Latin-1, which may not be what was meant. */
function decodeHeader(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return decodeURIComponent(name);
  throw new URIError("not percent-encoded");
}
