/** The judge: compares what senders were told with what the warehouse and the lake hold, and says every difference. */

import type { ImageCounts } from "../cli/steps.ts";
import { becomesImage, type Entry } from "./ledger.ts";

/** A row of marts.fct_images with the file name of its receipt. */
export interface ImageRow {
  readonly imageId: string;
  readonly customerId: string;
  readonly status: string;
  readonly reason: string | null;
  readonly contentSha256: string;
  readonly fileName: string | null;
}

/** What a door refused, once an event. */
export interface RejectionRow {
  readonly rejectId: string;
  readonly reason: string;
  readonly fileName: string | null;
}

/** An original in the lake, as it is there. */
export interface StoredImage {
  readonly imageId: string;
  readonly contentSha256: string;
  /** Keys that its outcome names and that are not there; undefined when there is no outcome. */
  readonly missingRenditions: readonly string[] | undefined;
}

/** What a command of darkroom ended with. */
export interface CommandResult {
  readonly command: string;
  readonly code: number | null;
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export interface Evidence {
  readonly entries: readonly Entry[];
  readonly images: readonly ImageRow[];
  readonly rejections: readonly RejectionRow[];
  readonly stored: readonly StoredImage[];
  /** What the reports count. */
  readonly counts: ImageCounts;
  /** Customers and days for which received is not the sum of what became of it. */
  readonly unreconciled: number;
  /** `refresh` after everything was stopped in order, where nothing may be left for it then; undefined elsewhere. */
  readonly refresh: CommandResult | undefined;
  readonly reconcile: CommandResult;
}

/** Every difference as one line; empty when all is as it must be. */
export function judge(evidence: Evidence): readonly string[] {
  return [
    ...evidence.entries.flatMap(answersOf),
    ...imagesOf(evidence),
    ...strangersIn(evidence),
    ...rejectionsOf(evidence),
    ...storedOf(evidence),
    ...countsOf(evidence),
    ...reconciliationOf(evidence),
  ];
}

/** Which submissions are recorded as refused: an upload without a customer's key is turned away and leaves nothing. */
function isRecorded({ kind, door }: Entry): boolean {
  return kind === "no-image" || kind === "clash" || (kind === "stranger" && door === "stream");
}

/** A refusal is certain when the broker, or the door that refused, said so. */
function isCertain({ answer }: Entry): boolean {
  return answer !== "unknown";
}

/** What a sender was told must fit what it sent; a broker takes everything. */
function answersOf(entry: Entry): readonly string[] {
  const { id, door, kind, answer, detail } = entry;
  if (door === "stream" || answer === "unknown") return [];
  const expected = becomesImage(entry) ? "acknowledged" : "refused";
  return answer === expected ? [] : [`${id}: a ${kind} upload was ${answer} (${detail})`];
}

/** (1) Every acknowledged image once, as what it is, with its own bytes' checksum. */
function imagesOf({ entries, images }: Evidence): readonly string[] {
  const rows = groupBy(images, ({ fileName }) => fileName ?? "");
  return entries.filter(becomesImage).flatMap((entry) => {
    const found = rows.get(entry.id) ?? [];
    if (found.length > 1) return [`${entry.id} is in fct_images ${found.length} times`];
    const [row] = found;
    if (row !== undefined) return differencesOf(entry, row);
    return entry.answer === "acknowledged"
      ? [`${entry.id} was acknowledged (${entry.detail}) and is not in fct_images`]
      : [];
  });
}

function differencesOf(entry: Entry, row: ImageRow): readonly string[] {
  const status = entry.kind === "sound" ? "processed" : "rejected";
  const differences = [
    row.status === status ? "" : `is ${row.status} (${row.reason}) instead of ${status}`,
    row.contentSha256 === entry.contentSha256
      ? ""
      : `has checksum ${row.contentSha256} instead of ${entry.contentSha256}`,
    row.customerId === entry.customerId ? "" : `belongs to ${row.customerId} instead of ${entry.customerId}`,
    (entry.imageId ?? row.imageId) === row.imageId
      ? ""
      : `is ${row.imageId} and was told as ${entry.imageId}`,
  ];
  return differences
    .filter((text) => text !== "")
    .map((text) => `${entry.id} (${row.imageId}) in fct_images ${text}`);
}

/** (2) Nothing else: no row that nobody sent, none that was refused, no id twice. */
function strangersIn({ entries, images }: Evidence): readonly string[] {
  const sent = new Set(entries.filter(becomesImage).map(({ id }) => id));
  const foreign = images
    .filter(({ fileName }) => !sent.has(fileName ?? ""))
    .map(
      ({ imageId, fileName }) => `${imageId} is in fct_images, and no sound submission is called ${fileName}`,
    );
  const twice = [...groupBy(images, ({ imageId }) => imageId)]
    .filter(([, rows]) => rows.length > 1)
    .map(([imageId, rows]) => `${imageId} has ${rows.length} rows in fct_images`);
  return [...foreign, ...twice];
}

/** What was refused is recorded once, and nothing else is. */
function rejectionsOf({ entries, rejections }: Evidence): readonly string[] {
  const rows = groupBy(rejections, ({ fileName }) => fileName ?? "");
  const wrong = entries.filter(isRecorded).flatMap((entry) => {
    const count = rows.get(entry.id)?.length ?? 0;
    if (count > 1) return [`${entry.id} is recorded as refused ${count} times`];
    return count === 0 && isCertain(entry)
      ? [`${entry.id} was ${entry.answer} (${entry.detail}) and is not recorded as refused`]
      : [];
  });
  const sent = new Set(entries.filter(isRecorded).map(({ id }) => id));
  const foreign = rejections
    .filter(({ fileName }) => !sent.has(fileName ?? ""))
    .map(({ rejectId, reason, fileName }) => `${fileName} was refused (${reason}) as ${rejectId}`);
  return [...wrong, ...foreign];
}

/** (3) The lake's bytes are those that were sent, and what an outcome names is there. */
function storedOf({ entries, images, stored }: Evidence): readonly string[] {
  const sent = new Map(entries.map((entry) => [entry.id, entry]));
  const inLake = new Map(stored.map((one) => [one.imageId, one]));
  const rows = new Set(images.map(({ imageId }) => imageId));
  const fromRows = images.flatMap(({ imageId, fileName }) => {
    const object = inLake.get(imageId);
    if (object === undefined) return [`${imageId} is in fct_images and not in the lake`];
    const expected = sent.get(fileName ?? "")?.contentSha256 ?? object.contentSha256;
    return expected === object.contentSha256
      ? []
      : [`${imageId} (${fileName}) has other bytes in the lake: ${object.contentSha256}`];
  });
  const fromLake = stored.flatMap(({ imageId, missingRenditions }) => {
    if (!rows.has(imageId)) return [`${imageId} is in the lake and not in fct_images`];
    if (missingRenditions === undefined) return [`${imageId} has no outcome in the lake`];
    return missingRenditions.map((key) => `${imageId} has an outcome, but not its rendition ${key}`);
  });
  return [...fromRows, ...fromLake];
}

/** (4) The platform counts the same, with nothing failed or pending, and a refresh finds nothing left to do. */
function countsOf({ images, rejections, counts, refresh }: Evidence): readonly string[] {
  const count = (status: string) => images.filter((row) => row.status === status).length;
  const expected: ImageCounts = {
    received: images.length + rejections.length,
    processed: count("processed"),
    rejected: count("rejected") + rejections.length,
    failed: 0,
    pending: 0,
  };
  const left = { loaded_rows: 0, models_failed: 0, assertions_failed: 0 };
  return [
    ...differing(counts, expected).map((text) => `the reports say ${text}`),
    ...(refresh === undefined ? [] : codeOf(refresh)),
    ...(refresh === undefined
      ? []
      : differing(refresh.json ?? {}, left).map((text) => `refresh says ${text}`)),
  ];
}

function differing(
  said: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, number>>,
): readonly string[] {
  return Object.entries(expected)
    .filter(([name, value]) => said[name] !== value)
    .map(([name, value]) => `${name} ${said[name]} instead of ${value}`);
}

/** (5) Received is the sum of what became of it, and the lake and the raw tables agree. */
function reconciliationOf({ unreconciled, reconcile }: Evidence): readonly string[] {
  const sums = unreconciled === 0 ? [] : [`reconcile_submissions finds ${unreconciled} customers and days`];
  return [...sums, ...codeOf(reconcile)];
}

function codeOf({ command, code, json }: CommandResult): readonly string[] {
  return code === 0 ? [] : [`${command} ended with ${code}: ${JSON.stringify(json)}`];
}

function groupBy<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
