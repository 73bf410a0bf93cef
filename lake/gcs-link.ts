/** Links to objects on Cloud Storage that need no credentials: signed addresses that expire. */

import type { Clock } from "../core/clock.ts";
import { Misconfigured, messageOf, Refused, Unavailable } from "../core/errors.ts";

/** Makes an address that reads one object in a span of time (V4: cloud.google.com/storage/docs/authentication/signatures). */
export type Signer = (span: { readonly accessibleAt: Date; readonly expires: Date }) => Promise<string>;

/** The service takes no longer signature (cloud.google.com/storage/docs/access-control/signed-urls). */
const longestMs = 7 * 86_400_000;

/**
 * A link that works from now on. Without a key file the service signs, for which the account must be its own token creator.
 * Throws `Refused` (`bad_expiry`) for a time that no link can have, `Misconfigured` when the account cannot sign.
 */
export async function signedLink(
  about: string,
  expiresInMs: number,
  clock: Clock,
  sign: Signer | undefined,
): Promise<string> {
  if (!(expiresInMs >= 1000 && expiresInMs <= longestMs)) {
    const message = `a link cannot expire after ${expiresInMs} ms`;
    throw new Refused("bad_expiry", message, `1000 to ${longestMs} ms`);
  }
  if (sign === undefined) {
    throw new Misconfigured([`${about}: a trial server signs no links; expected credentials`]);
  }
  const accessibleAt = clock.now();
  try {
    return await sign({ accessibleAt, expires: new Date(accessibleAt.getTime() + expiresInMs) });
  } catch (error) {
    throw signingFailure(about, messageOf(error));
  }
}

/** The library tells the kind of failure in words only; its error itself may carry the request. */
function signingFailure(about: string, message: string): Misconfigured | Unavailable {
  const isOurs = /permission|denied|client_email|private key|decoder|has not been used|disabled/i.test(
    message,
  );
  const problem = `${about}: no link can be signed (${message})`;
  if (!isOurs) return new Unavailable(problem);
  return new Misconfigured([`${problem}; expected a key, or an account that may create its own tokens`]);
}
