/** The ledger: every submission, and what its sender was told of it. What was acknowledged is an obligation. */

import { appendFileSync } from "node:fs";

/**
 * What is wrong with a submission: nothing; its picture breaks off, which only the processor finds; it is no picture; its
 * customer is unknown; its Idempotency-Key was used for other bytes.
 */
export type SubmissionKind = "sound" | "damaged" | "no-image" | "stranger" | "clash";

export interface Submission {
  /** Travels as the file name, so that rows can be told by it. */
  readonly id: string;
  readonly door: "upload" | "stream";
  readonly kind: SubmissionKind;
  readonly customerId: string;
  readonly contentSha256: string;
}

/** Whether a door accepts it. */
export function becomesImage({ kind }: Pick<Submission, "kind">): boolean {
  return kind === "sound" || kind === "damaged";
}

/**
 * `acknowledged`: the upload door answered with success, or the broker took the message. `refused`: the upload door answered that
 * it will not take it. `unknown`: nobody ever answered, so it may have been taken or not.
 */
export type Answer = "acknowledged" | "refused" | "unknown";

export interface Entry extends Submission {
  readonly answer: Answer;
  /** As the upload door told it. */
  readonly imageId?: string;
  /** HTTP status, or what the sender saw last. */
  readonly detail: string;
}

export interface Ledger {
  /** Before the first byte is sent. */
  offer(submission: Submission): void;
  /** What came of it; a repeat that is told something else about the image is kept as a contradiction. */
  answer(id: string, answer: Answer, detail: string, imageId?: string): void;
  entries(): readonly Entry[];
  contradictions(): readonly string[];
}

/** A ledger that also writes every line to a file before it goes on. */
export function openLedger(path: string): Ledger {
  const entries = new Map<string, Entry>();
  const contradictions: string[] = [];
  const write = (line: object) =>
    appendFileSync(path, `${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`);
  return {
    offer(submission) {
      write({ event: "offered", ...submission });
      entries.set(submission.id, { ...submission, answer: "unknown", detail: "no answer yet" });
    },
    answer(id, answer, detail, imageId) {
      write({ event: answer, id, detail, ...(imageId === undefined ? {} : { image_id: imageId }) });
      const entry = entries.get(id);
      if (entry === undefined) return;
      if (entry.imageId !== undefined && imageId !== undefined && entry.imageId !== imageId) {
        contradictions.push(`${id} was acknowledged as ${entry.imageId} and, repeated, as ${imageId}`);
      }
      // What was acknowledged once stays so, whatever a repeat of it met.
      if (entry.answer === "acknowledged") return;
      entries.set(id, { ...entry, answer, detail, ...(imageId === undefined ? {} : { imageId }) });
    },
    entries: () => [...entries.values()],
    contradictions: () => contradictions,
  };
}
