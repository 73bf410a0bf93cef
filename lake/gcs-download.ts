/** Downloads from Cloud Storage: bytes as they come, that fail at their end when they are not those that were stored. */

import type { IncomingMessage } from "node:http";
import { pipeline, type Readable, Transform } from "node:stream";
import { Unavailable } from "../core/errors.ts";
import { unreachable } from "./gcs-client.ts";
import type { Checksum } from "./gcs-upload.ts";

export interface Expectation {
  readonly bytes: number;
  /** What the checksum must be, and one to compute it with; undefined for a part of an object, which has none. */
  readonly crc32c: { readonly expected: string; readonly checksum: Checksum } | undefined;
  /** The object's `gs://` address. */
  readonly about: string;
}

/** The response's bytes; leaving them early closes the connection. Errors of the stream are `Unavailable`. */
export function checkedBody(response: IncomingMessage, expectation: Expectation): Readable {
  const { about, crc32c } = expectation;
  let bytes = 0;
  const checked = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      crc32c?.checksum.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      done(mismatch(expectation, bytes));
    },
    destroy(error, done) {
      done(error && unreachable(about, error));
    },
  });
  pipeline(response, checked, () => undefined);
  return checked;
}

function mismatch({ bytes, crc32c, about }: Expectation, received: number): Unavailable | null {
  if (received !== bytes) return new Unavailable(`${about}: ${received} bytes came instead of ${bytes}`);
  const found = crc32c?.checksum.toString();
  if (found === crc32c?.expected) return null;
  return new Unavailable(`${about}: the bytes were damaged (crc32c ${found} instead of ${crc32c?.expected})`);
}
