/** The keys of both lakes, and nothing else: where an image, its renditions, its outcome and its records lie. */

import { Refused } from "../core/errors.ts";

const keyPattern = /^[A-Za-z0-9_=-][A-Za-z0-9._=-]*(\/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*$/;
const idPattern = /^[usf][0-9a-f]{32}$/;

export const originals = "originals/";
export const rejected = "rejected/";
/** What customers sent straight to the bucket and no door has looked at yet. */
export const incoming = "incoming/";

/** Throws `Refused` unless the key is made of plain segments (no customer's text, no dot at a segment's start). */
export function checkKey(key: string): string {
  if (key.length <= 512 && keyPattern.test(key)) return key;
  throw new Refused(
    "bad_key",
    `${JSON.stringify(key)} is not a key`,
    "segments of A-Z a-z 0-9 . _ = - joined by /, at most 512 characters",
  );
}

/** True for what core/ids.ts makes: a door's letter and 32 hexadecimal digits. */
export function isImageId(text: string): boolean {
  return idPattern.test(text);
}

/** True for keys whose objects the worker is told of: what doors accepted, what was refused, and what came past the doors. */
export function isArrivalKey(key: string): boolean {
  return [originals, rejected, incoming].some((prefix) => key.startsWith(prefix));
}

/** The 256 shards that spread keys evenly: the first two hexadecimal digits of the id's hash. */
function shardOf(id: string): string {
  return id.slice(1, 3);
}

/** Where the bytes of an image lie as they came. */
export function originalKey(imageId: string): string {
  return `${originals}${shardOf(imageId)}/${imageId}`;
}

/** Where what was refused lies, with the reason in its metadata. */
export function rejectedKey(rejectId: string): string {
  return `${rejected}${shardOf(rejectId)}/${rejectId}`;
}

/** Where a direct upload lies until it is taken in. */
export function incomingKey(imageId: string): string {
  return `${incoming}${shardOf(imageId)}/${imageId}`;
}

/** Where it is noted why a direct upload was refused. */
export function refusalKey(imageId: string): string {
  return `refusals/${shardOf(imageId)}/${imageId}`;
}

/** The id at the end of an original's or a rejected object's key. */
export function idOfKey(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

export interface RecipeId {
  readonly name: string;
  readonly version: number;
}

/** Where everything lies that one recipe made of one image. */
function recipePrefix(imageId: string, recipe: RecipeId): string {
  return `renditions/${shardOf(imageId)}/${imageId}/${recipe.name}-v${recipe.version}/`;
}

export function renditionKey(imageId: string, recipe: RecipeId, fileName: string): string {
  return recipePrefix(imageId, recipe) + fileName;
}

/** The outcome is written last: where it is, the image is processed. */
export function outcomeKey(imageId: string, recipe: RecipeId): string {
  return `${recipePrefix(imageId, recipe)}outcome.json`;
}

/** Every segment of a raw table lies below this prefix. */
export function segmentsPrefix(table: string): string {
  return `events/${table}/`;
}

/** `writtenAt` gives the UTC date of writing. */
export function segmentKey(table: string, writtenAt: Date, segment: string): string {
  return `${segmentsPrefix(table)}dt=${writtenAt.toISOString().slice(0, 10)}/${segment}.ndjson`;
}

/** The name that `_segment` holds: the key without the prefix of its table and without the ending. */
export function segmentName(key: string): string {
  return key.slice(key.indexOf("dt="), -".ndjson".length);
}

/** Sorts after every segment of that date (UTC) and before those of the next, as a key and without `events/TABLE/` as a name. */
export function endOfDate(date: string): string {
  return `dt=${date}/~`;
}

/** The UTC date of writing in a segment's key. */
export function segmentDate(key: string): string {
  return /\/dt=(\d{4}-\d\d-\d\d)\//.exec(key)?.[1] ?? "";
}

/** No row of the segment has an earlier event date (UTC); the earliest date of all when its name does not tell. */
export function segmentEarliestDate(key: string): string {
  const [, year, month, day] = /-from(\d{4})(\d\d)(\d\d)\.[^/]*$/.exec(key) ?? [];
  return year === undefined ? "0001-01-01" : `${year}-${month}-${day}`;
}

/** Where the rows of a segment that fit an older loader's tables are copied to. */
export function mendedKey(key: string): string {
  return key.replace(/^events\//, "mended/");
}

/** Where the starts of an image's processing are noted from its second delivery on; a `/` ends it. */
export function attemptsPrefix(imageId: string, recipe: RecipeId): string {
  return `${recipePrefix(imageId, recipe)}attempts/`;
}
