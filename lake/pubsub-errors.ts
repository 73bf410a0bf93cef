/** Pub/Sub's errors, sorted by what to do about them. */

import { hasCode, Misconfigured, messageOf, Unavailable } from "../core/errors.ts";

/** gRPC status codes that no retry mends, with what to do (https://grpc.io/docs/guides/status-codes/). */
const remedies: ReadonlyMap<string, string> = new Map([
  ["3", "check its name"],
  ["5", "create it, or correct DARKROOM_ARRIVALS"],
  [
    "7",
    "grant this program's account pubsub.subscriber on the subscription and, to announce, pubsub.viewer there and pubsub.publisher on the topic",
  ],
  ["9", "it must be a pull subscription whose topic exists"],
  ["12", "check the endpoint in DARKROOM_ARRIVALS"],
  ["16", "check this program's credentials"],
]);

/** `Unavailable` or `Misconfigured` for an error of the client; `name` is the subscription or the topic. */
export function sorted(error: unknown, name: string): Unavailable | Misconfigured {
  const remedy = remedyFor(error);
  if (remedy !== undefined) return new Misconfigured([`${name}: ${messageOf(error)}; ${remedy}`]);
  return new Unavailable(`${name}: ${messageOf(error)}`, { cause: error });
}

/** True when nothing was answered in time. */
export function hasTimedOut(error: unknown): boolean {
  return hasCode(error, "4");
}

function remedyFor(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && error.code !== undefined) return remedies.get(String(error.code));
  // What fails before the first call, without a code, is the search for credentials on this machine.
  return remedies.get("16");
}
