/** How many loads of each table the last day has seen: counted from the service's list of jobs, then kept up by noting one's own. */

import type { JobMetadata } from "@google-cloud/bigquery";
import type { Clock } from "../core/clock.ts";
import { jobPages } from "./bigquery-jobs.ts";
import type { BigqueryRequests } from "./bigquery-requests.ts";

export interface LoadCounter {
  /** Loads of the table in the last 24 hours, failed ones too. */
  used(dataset: string, table: string): Promise<number>;
  /** A load job was inserted just now. */
  note(dataset: string, table: string): void;
}

/** Load jobs of one table a day, failed ones included (docs.cloud.google.com/bigquery/quotas#load_jobs). */
export const loadsADay = 1500;

const dayMs = 86_400_000;
/** Other processes load too, so the list is read again now and then. */
const listLastsMs = 3_600_000;
/** The list also holds all queries and cannot be asked for loads alone, so no more of it is read than this. */
const mostPages = 20;
const pageSize = 1000;

interface Counts {
  readonly readAtMs: number;
  /** Times of loads by `dataset.table`, each standing for `weight` loads. */
  readonly times: ReadonlyMap<string, readonly number[]>;
  /** More than 1 where only the latest part of the day could be read: the rest of it is taken to be like that. */
  readonly weight: number;
}

export function loadCounter(options: {
  readonly requests: BigqueryRequests;
  readonly clock: Clock;
}): LoadCounter {
  const { requests, clock } = options;
  let reading: { readonly sinceMs: number; readonly counts: Promise<Counts> } | undefined;
  const noted = new Map<string, number[]>();

  function counts(): Promise<Counts> {
    const sinceMs = clock.elapsedMs();
    if (reading === undefined || sinceMs - reading.sinceMs > listLastsMs) {
      const read = readCounts(requests, clock);
      read.catch(() => {
        reading = undefined;
      });
      reading = { sinceMs, counts: read };
    }
    return reading.counts;
  }

  return {
    async used(dataset, table) {
      const key = `${dataset}.${table}`;
      const { readAtMs, times, weight } = await counts();
      const fromMs = clock.now().getTime() - dayMs;
      const listed = (times.get(key) ?? []).filter((time) => time >= fromMs).length;
      const own = (noted.get(key) ?? []).filter((time) => time >= fromMs);
      noted.set(key, own);
      return Math.ceil(listed * weight) + own.filter((time) => time > readAtMs).length;
    },

    note(dataset, table) {
      const key = `${dataset}.${table}`;
      noted.set(key, [...(noted.get(key) ?? []), clock.now().getTime()]);
    },
  };
}

async function readCounts(requests: BigqueryRequests, clock: Clock): Promise<Counts> {
  const readAtMs = clock.now().getTime();
  const fromMs = readAtMs - dayMs;
  const times = new Map<string, number[]>();
  let oldestMs = readAtMs;
  let pages = 0;
  const query = { minCreationTime: fromMs, projection: "full", maxResults: pageSize };
  for await (const jobs of jobPages(requests, query)) {
    for (const job of jobs) {
      const createdMs = Number(job.statistics?.creationTime ?? 0);
      oldestMs = Math.min(oldestMs, createdMs);
      const key = loadedTable(job);
      if (key !== undefined && createdMs >= fromMs) times.set(key, [...(times.get(key) ?? []), createdMs]);
    }
    pages += 1;
    if (pages < mostPages) continue;
    return { readAtMs, times, weight: dayMs / Math.max(readAtMs - oldestMs, 1) };
  }
  return { readAtMs, times, weight: 1 };
}

/** Any load counts, whoever inserted it. */
function loadedTable({ configuration }: JobMetadata): string | undefined {
  const destination = configuration?.load?.destinationTable;
  return destination && `${destination.datasetId}.${destination.tableId}`;
}
