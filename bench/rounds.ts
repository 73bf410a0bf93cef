/** Rounds of a bare arm and of darkroom, interleaved, so that what else the machine does meets both alike. */

import { median } from "./statistics.ts";

export interface Rounds<Result> {
  readonly bare: readonly Result[];
  readonly darkroom: readonly Result[];
}

/** Each arm once a round, the other one first in every second round. */
export async function interleave<Result>(
  rounds: number,
  arms: {
    readonly bare: (round: number) => Promise<Result>;
    readonly darkroom: (round: number) => Promise<Result>;
  },
): Promise<Rounds<Result>> {
  const results = { bare: [] as Result[], darkroom: [] as Result[] };
  for (let round = 1; round <= rounds; round++) {
    const order = round % 2 === 1 ? (["bare", "darkroom"] as const) : (["darkroom", "bare"] as const);
    for (const arm of order) results[arm].push(await arms[arm](round));
    console.error(`round ${round} of ${rounds}`);
  }
  return results;
}

/** The median over the rounds of what darkroom did divided by what the bare arm did. */
export function share<Result>({ bare, darkroom }: Rounds<Result>, of: (result: Result) => number): number {
  return median(
    darkroom.map((one, round) => {
      const other = bare[round];
      return other === undefined ? Number.NaN : of(one) / of(other);
    }),
  );
}
