/** Fetches the image that a claim names, from the places that are allowed, within a budget of bytes. */

import { createBudget } from "../../core/budget.ts";
import { Refused } from "../../core/errors.ts";
import { sha256 } from "../../core/ids.ts";
import { type Claim, type ClaimPlace, claimSources } from "./claim.ts";
import { fetchImage, type HttpsOptions } from "./https-image.ts";

/**
 * The object's first `maxBytes` bytes (all of a smaller one), or undefined when there is none. Any key that Cloud Storage
 * knows must do, not only those of a lake. @throws Unavailable, Misconfigured
 */
export type ReadBucket = (bucket: string, key: string, maxBytes: number) => Promise<Uint8Array | undefined>;

/**
 * Fetches the image and hands it to `use`; its bytes count against the budget until `use` has ended, and with them fetching
 * waits for others.
 * @throws Refused (`claim_malformed`, `claim_not_allowed`, `claim_not_found`, `claim_too_large`, `claim_differs`), Unavailable, and
 * what `use` throws
 */
export type ClaimReader = <T>(claim: Claim, use: (image: Uint8Array) => Promise<T>) => Promise<T>;

export interface ClaimReaderOptions extends HttpsOptions {
  /** `gs://BUCKET` and `https://HOST[:PORT]`; nothing else is fetched from. */
  readonly sources: readonly string[];
  /** Larger images are refused. */
  readonly maxImageBytes: number;
  /** Images in memory at a time; one largest image at least. @default 64 MiB */
  readonly maxHeldBytes?: number;
  /** Undefined where there is nothing to read buckets with: then no bucket is allowed. */
  readonly readBucket?: ReadBucket;
}

/** A reader of claims. Without a size in the claim its image counts as the largest one that may come. */
export function claimReader(options: ClaimReaderOptions): ClaimReader {
  const { maxImageBytes, maxHeldBytes = 64 * 1024 * 1024, readBucket } = options;
  const sources = claimSources(
    readBucket ? options.sources : options.sources.filter((source) => !source.startsWith("gs:")),
  );
  const budget = createBudget(Math.max(maxHeldBytes, maxImageBytes));

  async function fetchFrom(place: ClaimPlace, claim: Claim): Promise<Uint8Array> {
    const maxBytes = claim.sizeBytes ?? maxImageBytes;
    const tooLarge = () =>
      claim.sizeBytes === undefined ? largerThan(maxImageBytes) : otherSize(claim.sizeBytes);
    if (place.scheme === "https") {
      return fetchImage({ url: place.url, checkUrl: sources.checkUrl, maxBytes, tooLarge }, options);
    }
    const bytes = await readBucket?.(place.bucket, place.key, maxBytes + 1);
    if (bytes === undefined) {
      throw new Refused("claim_not_found", "there is no such object", "a claim of an object that is there");
    }
    if (bytes.length > maxBytes) throw tooLarge();
    return bytes;
  }

  return async (claim, use) => {
    const place = sources.placeOf(claim.uri);
    if ((claim.sizeBytes ?? 0) > maxImageBytes) throw largerThan(maxImageBytes);
    const release = await budget.take(claim.sizeBytes ?? maxImageBytes);
    try {
      const image = await fetchFrom(place, claim);
      checkAgainst(claim, image);
      return await use(image);
    } finally {
      release();
    }
  };
}

function checkAgainst(claim: Claim, image: Uint8Array): void {
  if (claim.sizeBytes !== undefined && image.length !== claim.sizeBytes) throw otherSize(claim.sizeBytes);
  if (claim.sha256 === undefined || sha256(image) === claim.sha256) return;
  throw new Refused(
    "claim_differs",
    "the image does not have the claim's SHA-256",
    "the image that was claimed, unchanged",
  );
}

function largerThan(maxImageBytes: number): Refused {
  return new Refused("claim_too_large", "the claimed image is too large", `at most ${maxImageBytes} bytes`);
}

function otherSize(sizeBytes: number): Refused {
  return new Refused(
    "claim_differs",
    "the image does not have the claim's size",
    `an image of just ${sizeBytes} bytes`,
  );
}
