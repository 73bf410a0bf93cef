/**
 * Flow control: how many messages to lease next, so that a process never holds more than it is allowed, and leases no more ahead
 * of its work than it does in about a second, since other workers could do it meanwhile.
 */

export interface FlowLimits {
  /** Messages held at a time: leased and not yet acknowledged. */
  readonly maxMessages: number;
  /** Bytes of the pictures that they stand for. */
  readonly maxBytes: number;
}

export interface Flow {
  /** How many messages to ask for now; 0 when there is no room. */
  room(): number;
  /** `count` messages came; the next `room` is judged by how soon it is asked for. */
  came(count: number): void;
  /** A picture's message is held from now on; unknown sizes count as the average. Returns the bytes that it counts for. */
  hold(sizeBytes: number | undefined): number;
  /** True when the consumer may have a picture of that many bytes too; one picture it may always have. */
  mayHandOut(bytes: number): boolean;
  handOut(bytes: number): void;
  /** What `hold` returned is free again. */
  release(bytes: number, wasHandedOut: boolean): void;
}

/** A guess until sizes are known. */
const firstAverageBytes = 1024 * 1024;
/** How much one picture moves the average. */
const averageWeight = 0.1;
const mostAtOnce = 256;
/** A batch that was taken sooner than this was small. */
const soonMs = 500;
/** … and one that took longer than this was large. */
const lateMs = 2000;

export function createFlow(limits: FlowLimits, elapsedMs: () => number): Flow {
  const held = { messages: 0, bytes: 0 };
  const out = { messages: 0, bytes: 0 };
  let averageBytes = Math.min(firstAverageBytes, limits.maxBytes);
  let pace = 4;
  let asked = 0;
  let last: { readonly atMs: number; readonly count: number } | undefined;

  function adjustPace(): void {
    if (last === undefined) return;
    const tookMs = elapsedMs() - last.atMs;
    if (tookMs < soonMs && last.count >= asked) pace = Math.min(mostAtOnce, pace * 2);
    if (tookMs > lateMs) pace = Math.max(1, Math.floor(pace / 2));
    last = undefined;
  }

  return {
    room() {
      adjustPace();
      const bytes = limits.maxBytes - held.bytes;
      const byBytes = bytes > 0 ? Math.max(1, Math.floor(bytes / Math.max(1, averageBytes))) : 0;
      asked = Math.max(0, Math.min(pace, byBytes, limits.maxMessages - held.messages));
      return asked;
    },
    came(count) {
      last = { atMs: elapsedMs(), count };
    },
    hold(sizeBytes) {
      if (sizeBytes !== undefined) averageBytes += averageWeight * (sizeBytes - averageBytes);
      const bytes = sizeBytes ?? Math.round(averageBytes);
      held.messages += 1;
      held.bytes += bytes;
      return bytes;
    },
    mayHandOut: (bytes) => out.messages === 0 || out.bytes + bytes <= limits.maxBytes,
    handOut(bytes) {
      out.messages += 1;
      out.bytes += bytes;
    },
    release(bytes, wasHandedOut) {
      for (const count of wasHandedOut ? [held, out] : [held]) {
        count.messages -= 1;
        count.bytes -= bytes;
      }
    },
  };
}
