/** What rounds are compared by. */

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The value below which so many percent lie (nearest rank, the upper of two in the middle); NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}
