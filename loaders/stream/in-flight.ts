/** Bounds what is handed out and not yet handled, over all partitions together. */

export interface InFlight {
  /**
   * Waits until a message of this size may be handed out, first come first served, so that a large one is not passed by
   * small ones for ever. Returns what gives the room back, or undefined when the signal ends the wait.
   */
  enter(bytes: number, signal: AbortSignal): Promise<(() => void) | undefined>;
}

interface Entrant {
  readonly bytes: number;
  readonly admit: () => void;
}

export function inFlight(maxMessages: number, maxBytes: number): InFlight {
  let messages = 0;
  let bytes = 0;
  const queue: Entrant[] = [];

  const fits = (more: number): boolean =>
    messages === 0 || (messages < maxMessages && bytes + more <= maxBytes);

  function admitNext(): void {
    for (let next = queue[0]; next !== undefined && fits(next.bytes); next = queue[0]) {
      queue.shift();
      next.admit();
    }
  }

  function occupy(size: number): () => void {
    messages += 1;
    bytes += size;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      messages -= 1;
      bytes -= size;
      admitNext();
    };
  }

  return {
    async enter(size, signal) {
      if (signal.aborted) return undefined;
      if (queue.length === 0 && fits(size)) return occupy(size);
      return new Promise((resolve) => {
        const leave = (): void => {
          queue.splice(queue.indexOf(entrant), 1);
          resolve(undefined);
          admitNext();
        };
        const entrant: Entrant = {
          bytes: size,
          admit() {
            signal.removeEventListener("abort", leave);
            resolve(occupy(size));
          },
        };
        queue.push(entrant);
        signal.addEventListener("abort", leave, { once: true });
      });
    },
  };
}
