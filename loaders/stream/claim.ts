/** A claim: a message that says where its image is, for images that are larger than the broker takes. */

import { z } from "zod";
import { Refused } from "../../core/errors.ts";
import { utf8 } from "../text.ts";

/** The content type of a message whose value is a claim. */
export const claimContentType = "application/vnd.darkroom.claim+json";

export interface Claim {
  readonly uri: string;
  readonly customerId: string | undefined;
  readonly fileName: string | undefined;
  /** What the sender says that the image is. */
  readonly contentType: string | undefined;
  /** In lower case; the image must have it. */
  readonly sha256: string | undefined;
  /** The image must have just so many bytes. */
  readonly sizeBytes: number | undefined;
}

/** Where an image lies that may be fetched. */
export type ClaimPlace =
  | { readonly scheme: "gs"; readonly bucket: string; readonly key: string }
  | { readonly scheme: "https"; readonly url: URL };

/** More than any honest claim needs. */
const maxClaimBytes = 64 * 1024;
const maxUriLength = 4096;

const schema = z.object({
  uri: z.string().min(1).max(maxUriLength),
  customer_id: z.string().optional(),
  file_name: z.string().optional(),
  content_type: z.string().optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/i)
    .optional(),
  size_bytes: z.int().positive().optional(),
});

/** Whether a content type, with or without parameters, is that of a claim. */
export function isClaim(contentType: string | undefined): boolean {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() === claimContentType;
}

/** @throws Refused (`claim_malformed`) */
export function readClaim(value: Uint8Array): Claim {
  if (value.length > maxClaimBytes) throw malformed(`the claim has ${value.length} bytes`);
  const result = schema.safeParse(parse(value));
  if (!result.success) {
    // Only names of fields and what they should be: what stands in them is the sender's.
    const [issue] = result.error.issues;
    throw malformed(`the claim's ${String(issue?.path[0] ?? "JSON")} is missing or not as it should be`);
  }
  const { uri, customer_id, file_name, content_type, sha256, size_bytes } = result.data;
  return {
    uri,
    customerId: customer_id,
    fileName: file_name,
    contentType: content_type,
    sha256: sha256?.toLowerCase(),
    sizeBytes: size_bytes,
  };
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(utf8(value, "claim"));
  } catch {
    throw malformed("the claim is not JSON in UTF-8");
  }
}

/** What DARKROOM_CLAIM_SOURCES allows: `gs://BUCKET` and `https://HOST[:PORT]`. */
export interface ClaimSources {
  /** @throws Refused (`claim_malformed`, `claim_not_allowed`) */
  placeOf(uri: string): ClaimPlace;
  /** The same for a place that a source redirects to. */
  checkUrl(url: URL): void;
}

export function claimSources(sources: readonly string[]): ClaimSources {
  const buckets = new Set(
    sources.filter((source) => source.startsWith("gs://")).map((source) => source.slice(5)),
  );
  // Through the same parser as the claims, so that ":443" and capitals make no difference.
  const hosts = new Set(
    sources.filter((source) => source.startsWith("https://")).map((source) => new URL(source).host),
  );

  function checkUrl({ protocol, host, username, password }: URL): void {
    if (protocol !== "https:") throw notAllowed("the claim's address is neither gs: nor https:");
    if (username !== "" || password !== "") throw notAllowed("the claim's address holds credentials");
    if (!hosts.has(host)) throw notAllowed("the claim's host is not on the list");
  }

  return {
    placeOf(uri) {
      if (/^gs:/i.test(uri)) {
        const place = bucketPlace(uri);
        if (!buckets.has(place.bucket)) throw notAllowed("the claim's bucket is not on the list");
        return place;
      }
      // What was checked is what is fetched: the text is read once.
      if (!URL.canParse(uri)) throw malformed("the claim's uri is no address");
      const url = new URL(uri);
      checkUrl(url);
      return { scheme: "https", url };
    },
    checkUrl,
  };
}

/** Of UTF-8; `.` and `..` are no names either (docs.cloud.google.com/storage/docs/objects#naming). */
const longestKeyBytes = 1024;

/** A key is taken as it stands: Cloud Storage gives `?`, `#` and `%` in it no meaning. */
function bucketPlace(uri: string): Extract<ClaimPlace, { scheme: "gs" }> {
  const [, bucket, key] = /^gs:\/\/([^/]+)\/([^\r\n]+)$/.exec(uri) ?? [];
  if (bucket === undefined || key === undefined) throw malformed("the claim's uri is not gs://BUCKET/KEY");
  if (!key.isWellFormed() || key === "." || key === ".." || Buffer.byteLength(key) > longestKeyBytes) {
    throw malformed("the claim's uri holds no name that an object of Cloud Storage can have");
  }
  return { scheme: "gs", bucket, key };
}

export function malformed(message: string): Refused {
  return new Refused(
    "claim_malformed",
    message,
    'JSON with "uri" and, if known, customer_id, file_name, content_type, sha256 (64 hexadecimal digits), size_bytes',
  );
}

export function notAllowed(message: string): Refused {
  return new Refused(
    "claim_not_allowed",
    message,
    "a public address in one of the DARKROOM_CLAIM_SOURCES, without credentials",
  );
}
