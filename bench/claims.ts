/** Claims: objects on the Cloud Storage server, and messages that name them. */

import { gcsLake } from "../lake/gcs.ts";
import { claimContentType } from "../loaders/stream/claim.ts";
import { noisePicture, numbered } from "./pictures.ts";

const claimBytes = 1024;

export interface ClaimedPicture {
  readonly uri: string;
  readonly sizeBytes: number;
}

/** Puts so many pictures into a bucket; returns where they are. */
export async function putPictures(
  { bucket, endpoint }: { readonly bucket: string; readonly endpoint: string },
  count: number,
): Promise<readonly ClaimedPicture[]> {
  const lake = gcsLake({ bucket, endpoint });
  const picture = await noisePicture();
  const put: ClaimedPicture[] = [];
  for (let number = 0; number < count; number++) {
    const key = `pictures/${number}`;
    await lake.create(key, numbered(picture, number));
    put.push({ uri: `gs://${bucket}/${key}`, sizeBytes: picture.length });
  }
  await lake.close();
  return put;
}

/** A claim of one kibibyte. With the size, for without it an image counts as the largest that may come. */
export function claimOf({ uri, sizeBytes }: ClaimedPicture, number: number): Buffer {
  const claim = { uri, size_bytes: sizeBytes, content_type: "image/jpeg", file_name: `${number}.jpg` };
  const padding = claimBytes - JSON.stringify({ ...claim, padding: "" }).length;
  return Buffer.from(JSON.stringify({ ...claim, padding: "x".repeat(padding) }));
}

/** Where the image of a claim lies; undefined for another message. */
export function placeOfClaim(
  value: Uint8Array | null,
  contentType: unknown,
): { readonly bucket: string; readonly key: string } | undefined {
  if (value === null || String(contentType) !== claimContentType) return undefined;
  const [, bucket = "", key = ""] =
    /^gs:\/\/([^/]+)\/(.+)$/.exec(String(JSON.parse(String(value)).uri)) ?? [];
  return { bucket, key };
}
