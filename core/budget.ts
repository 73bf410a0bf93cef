/** A budget of slots or bytes: who asks for more than is left waits, first come first served. */

export interface Budget {
  /** Resolves with the release (to be called once) when `amount` is free; more than the whole budget takes all of it. */
  take(amount?: number): Promise<() => void>;
  /** Resolves when nothing is taken. */
  whenFree(): Promise<void>;
}

export function createBudget(total: number): Budget {
  let left = total;
  const waiting: { readonly amount: number; readonly go: () => void }[] = [];

  function serve(): void {
    for (let next = waiting[0]; next !== undefined && next.amount <= left; next = waiting[0]) {
      waiting.shift();
      left -= next.amount;
      next.go();
    }
  }

  function take(amount = 1): Promise<() => void> {
    const taken = Math.min(amount, total);
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      left += taken;
      serve();
    };
    return new Promise((resolve) => {
      waiting.push({ amount: taken, go: () => resolve(release) });
      serve();
    });
  }

  return { take, whenFree: async () => (await take(total))() };
}
