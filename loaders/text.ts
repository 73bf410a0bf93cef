/** Text that others send as bytes. */

import { Refused } from "../core/errors.ts";

const strict = new TextDecoder("utf-8", { fatal: true });

/** The bytes as UTF-8. Throws `Refused` (`bad_<what>`) when they are not, because a mended name is not the sender's. */
export function utf8(bytes: Uint8Array, what: string): string {
  try {
    return strict.decode(bytes);
  } catch {
    throw new Refused(
      `bad_${what.replaceAll(" ", "_")}`,
      `the ${what} is not valid UTF-8`,
      `a ${what} in UTF-8`,
    );
  }
}
