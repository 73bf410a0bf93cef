/**
 * Errors by what to do about them. Three families, and no other error is thrown on purpose:
 * `Refused` (record it, go on), `Unavailable` (retry, then give the work back), `Misconfigured` (stop and tell the operator).
 */

/** The input's fault: it will never be accepted as it is. Record it and go on. */
export class Refused extends Error {
  override readonly name = "Refused";
  /** Stable machine word for the reason, for example `too_large`. */
  readonly reason: string;
  /** What would have been right, for the person who sent it. */
  readonly expected: string;

  constructor(reason: string, message: string, expected: string) {
    super(message);
    this.reason = reason;
    this.expected = expected;
  }
}

/** Theirs or the network's fault: retry with backoff, then give the work back. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
  }
}

/** The operator's fault: stop and say which setting and what is expected. */
export class Misconfigured extends Error {
  override readonly name = "Misconfigured";
  /** One line a problem, each naming the setting, its value and what would be right. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error
    ? String(error.message)
    : String(error);
}

/** True for a Node.js system error with this code, for example `ENOENT`. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return typeof error === "object" && error !== null && "code" in error && codes.includes(String(error.code));
}
