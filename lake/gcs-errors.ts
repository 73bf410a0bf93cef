/** What an answer of Cloud Storage means to the caller: which of the three families of errors it is. */

import { Misconfigured, Refused, Unavailable } from "../core/errors.ts";

/** The part of an answer that tells what went wrong. */
export interface GcsFailure {
  readonly status: number;
  /** The reason's stable word, for example `retentionPolicyNotMet`; empty where none was given. */
  readonly reason: string;
  readonly message: string;
}

/** Another request was faster, or an upload session is gone: what is started anew may succeed. */
const overtakenStatuses: readonly number[] = [409, 410, 412, 499];
const transientReasons: readonly string[] = ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"];

/** True when the same request may succeed a moment later: overload, a fault of the service, an expired token. */
export function isTransient({ status, reason }: GcsFailure): boolean {
  return status >= 500 || [401, 408, 429].includes(status) || transientReasons.includes(reason);
}

/** True when the object is not there. An answer about the whole bucket has the same status and reason, and another message. */
export function isMissingObject({ status, message }: GcsFailure): boolean {
  return status === 404 && !/bucket does not exist/i.test(message);
}

/**
 * True when a retention policy or a hold keeps the object. Documented reasons are `retentionPolicyNotMet` and
 * `objectUnderActiveHold`; for a hold the service was also seen to give `forbidden`, as for a missing permission, and to tell
 * it in the message alone.
 */
export function isRetained({ status, reason, message }: GcsFailure): boolean {
  if (status !== 403) return false;
  const isReason = reason === "retentionPolicyNotMet" || reason === "objectUnderActiveHold";
  return isReason || /\bis under active [\w-]+ hold\b/i.test(message);
}

/** The error for an answer that is no expected outcome; `about` is the object's or the bucket's `gs://` address. */
export function failureOf(failure: GcsFailure, about: string): Refused | Unavailable | Misconfigured {
  const { status, reason } = failure;
  const said = `${status}${reason && ` ${reason}`}: ${failure.message.trim().slice(0, 300)}`;
  if (isRetained(failure)) {
    const expected = "a removal after the hold is released and the bucket's retention has passed";
    return new Refused("retained", `${about} is kept by its bucket (${said})`, expected);
  }
  if (isDamage(failure)) return new Unavailable(`${about}: the bytes were damaged on their way (${said})`);
  if (isTransient(failure) || overtakenStatuses.includes(status) || status < 400) {
    return new Unavailable(`${about}: Cloud Storage answers ${said}`);
  }
  return new Misconfigured([`${about}: Cloud Storage answers ${said}; ${expectedOf(status)}`]);
}

/** The service compared the checksum that was sent with the bytes it got, and created nothing. */
function isDamage({ status, message }: GcsFailure): boolean {
  return status === 400 && /\b(crc32c|md5)\b/i.test(message);
}

function expectedOf(status: number): string {
  if (status === 404) return "expected a bucket that exists";
  if (status === 403)
    return "expected an account that may read, create, update and delete the bucket's objects";
  return "expected a bucket and an account that allow this request";
}
