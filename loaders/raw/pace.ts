/** The pace of loads: as often as asked for while the warehouse's daily quota allows it, and then so that it lasts for the day. */

import type { Clock } from "../../core/clock.ts";
import type { TableName } from "../../core/rows.ts";
import type { LoadQuota } from "../../warehouse/warehouse.ts";

const dayMs = 86_400_000;
/** So much of the quota may be used as it comes. */
const freeShare = 0.2;
/** Beyond this nothing is loaded by itself: the rest is for loads by hand, retries and rebuilds. */
const usableShare = 0.9;
/** From here on an operator should know. */
const highShare = 0.8;

/**
 * The least time between two loads of one table, in ms: 0 while little of the day's quota is used, then such that it lasts for
 * the day, Infinity when only the reserve is left.
 */
export function loadIntervalMs({ used, limit }: LoadQuota): number {
  if (used < freeShare * limit) return 0;
  if (used >= usableShare * limit) return Number.POSITIVE_INFINITY;
  return dayMs / (limit * (usableShare - freeShare));
}

/** True when so much of a day's loads is used that somebody should look. */
export function isQuotaHigh({ used, limit }: LoadQuota): boolean {
  return used >= highShare * limit;
}

/** Says whether a table's turn has come, and takes it for loaded then. */
export function loadPace(clock: Clock): (table: TableName, quota: LoadQuota) => boolean {
  const turnMs = new Map<TableName, number>();
  return (table, quota) => {
    const nowMs = clock.elapsedMs();
    if (nowMs - (turnMs.get(table) ?? Number.NEGATIVE_INFINITY) < loadIntervalMs(quota)) return false;
    turnMs.set(table, nowMs);
    return true;
  };
}
