/** Bytes of request bodies in memory: bounded for all senders together, and for each customer to half of that. */

export interface BodyBuffers {
  /** Takes room for bytes that have arrived; false when there is none, and then nothing is taken. */
  reserve(customerId: string, bytes: number): boolean;
  release(customerId: string, bytes: number): void;
}

/** Who stalls holds no more than what was sent, and never so much that others cannot send. */
export function bodyBuffers(total: number): BodyBuffers {
  const heldBy = new Map<string, number>();
  let held = 0;

  return {
    reserve(customerId, bytes) {
      const own = (heldBy.get(customerId) ?? 0) + bytes;
      if (held + bytes > total || own > total / 2) return false;
      held += bytes;
      heldBy.set(customerId, own);
      return true;
    },
    release(customerId, bytes) {
      held -= bytes;
      const own = (heldBy.get(customerId) ?? 0) - bytes;
      if (own > 0) heldBy.set(customerId, own);
      else heldBy.delete(customerId);
    },
  };
}
