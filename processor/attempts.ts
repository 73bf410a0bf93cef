/** Which attempt at an image a delivery is (docs/decisions/0012-attempts-are-starts.md). */

import type { Arrival } from "../lake/arrivals.ts";
import type { Lake } from "../lake/lake.ts";
import { attemptsPrefix, type RecipeId } from "../lake/layout.ts";

export interface AttemptsEnvironment {
  readonly lake: Lake;
  readonly recipe: RecipeId;
  /** After so many attempts a failure is final; no further one leaves a mark. */
  readonly maxAttempts: number;
}

/** Which attempt at the image this is; above the most that there may be, it is given up. */
export type BeginAttempt = (imageId: string) => Promise<number>;

/**
 * A service counts deliveries, also of messages that only lay waiting in a worker that died, and an image that ends its worker must
 * not take others with it. So from the second delivery on each start leaves a mark, and the marks are counted. Once for a
 * delivery: what is tried again because the lake was away is the same attempt.
 */
export function attemptOf(
  env: AttemptsEnvironment,
  arrival: Pick<Arrival, "attempt" | "isDeadLetter">,
): BeginAttempt {
  let begun: number | undefined;
  return async (imageId) => {
    const isFirst = arrival.attempt === 1 && !arrival.isDeadLetter;
    begun ??= isFirst ? 1 : await markedAttempt(env, imageId);
    return begun;
  };
}

async function markedAttempt(
  { lake, recipe, maxAttempts }: AttemptsEnvironment,
  imageId: string,
): Promise<number> {
  const prefix = attemptsPrefix(imageId, recipe);
  let attempt = 2;
  for await (const _ of lake.list({ prefix })) attempt += 1;
  if (attempt <= maxAttempts) await lake.create(`${prefix}${attempt}`, new Uint8Array());
  return attempt;
}
