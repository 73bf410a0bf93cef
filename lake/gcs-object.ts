/** One object of a bucket: where it is asked for, how Cloud Storage describes it, how it is found and removed. */

import { z } from "zod";
import { Unavailable } from "../core/errors.ts";
import { type GcsAnswer, type GcsClient, isSuccess } from "./gcs-client.ts";
import { failureOf, isMissingObject } from "./gcs-errors.ts";
import { decodeMetadata, writeOf } from "./gcs-metadata.ts";
import type { Checksum } from "./gcs-upload.ts";
import type { LakeObject } from "./lake.ts";

/** What the operations of the adapter need; the options are explained in gcs.ts. */
export interface GcsEnvironment {
  readonly client: GcsClient;
  readonly bucket: string;
  /** The address of an object, in answers and in messages. */
  readonly addressOf: (key: string) => string;
  readonly newChecksum: () => Checksum;
  readonly isHeld?: (key: string) => boolean;
  readonly announce?: (key: string) => Promise<void>;
  readonly pieceBytes?: number;
}

/** The lake's object, and what the service knows of it besides. */
export interface GcsObject {
  readonly object: LakeObject;
  /** Which of the objects that ever had this key. */
  readonly generation: string;
  /** Counts the changes of the object's own settings, for example of its hold. */
  readonly metageneration: string;
  /** Base64; undefined where a foreign server does not tell. */
  readonly crc32c: string | undefined;
  readonly isHeld: boolean;
  /** The write that made it, see `encodeMetadata`. */
  readonly write: string | undefined;
}

const resource = z.object({
  name: z.string(),
  size: z.coerce.number().int().nonnegative(),
  timeCreated: z.coerce.date(),
  generation: z.coerce.string(),
  metageneration: z.coerce.string(),
  crc32c: z.string().optional(),
  eventBasedHold: z.boolean().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
});

/** The part of the resource that is asked for (cloud.google.com/storage/docs/json_api/v1/objects#resource). */
export const objectFields: string = Object.keys(resource.shape).join(",");

/** Reads an object's resource. Throws `Unavailable` when the answer is none: something else than the service answered. */
export function gcsObject(json: unknown, about: string): GcsObject {
  const parsed = resource.safeParse(json);
  if (!parsed.success) throw new Unavailable(`${about}: the answer does not describe an object`);
  const { name, size, timeCreated, metadata = {}, ...rest } = parsed.data;
  return {
    object: { key: name, sizeBytes: size, createdAt: timeCreated, metadata: decodeMetadata(metadata) },
    generation: rest.generation,
    metageneration: rest.metageneration,
    crc32c: rest.crc32c,
    isHeld: rest.eventBasedHold ?? false,
    write: writeOf(metadata),
  };
}

const listing = z.object({
  items: z.array(z.object({ name: z.string() })).default([]),
  nextPageToken: z.string().optional(),
});

/** A page of a listing. */
export interface GcsPage {
  readonly names: readonly string[];
  /** Leads to the next page; undefined on the last. */
  readonly nextPageToken: string | undefined;
}

/** Reads a page of a listing. Throws `Unavailable` as `gcsObject` does. */
export function gcsPage(json: unknown, about: string): GcsPage {
  const parsed = listing.safeParse(json);
  if (!parsed.success) throw new Unavailable(`${about}: the answer does not list objects`);
  return { names: parsed.data.items.map(({ name }) => name), nextPageToken: parsed.data.nextPageToken };
}

/** The path of the bucket's objects, for listing and, with `/upload` in front, for creating. */
export function objectsPath(bucket: string): string {
  return `/storage/v1/b/${encodeURIComponent(bucket)}/o`;
}

/** The path of one object. */
export function objectPath(bucket: string, key: string): string {
  return `${objectsPath(bucket)}/${encodeURIComponent(key)}`;
}

/** The object, or undefined when there is none. */
export async function find(
  { client, bucket, addressOf }: GcsEnvironment,
  key: string,
): Promise<GcsObject | undefined> {
  const about = addressOf(key);
  const query = { fields: objectFields };
  const answer = await client.send({ method: "GET", to: objectPath(bucket, key), query, about });
  if (isMissingObject(answer)) return undefined;
  if (!isSuccess(answer.status)) throw failureOf(answer, about);
  return gcsObject(answer.json, about);
}

/** Of this object and of no other that has its key by now. */
export function removeGeneration(
  { client, bucket, addressOf }: GcsEnvironment,
  { object, generation }: GcsObject,
): Promise<GcsAnswer> {
  return client.send({
    method: "DELETE",
    to: objectPath(bucket, object.key),
    query: { ifGenerationMatch: generation },
    about: addressOf(object.key),
  });
}
