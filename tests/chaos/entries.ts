/** A ledger and the evidence that fits it, small enough to be changed by one thing at a time. */

import type { Evidence, ImageRow } from "../../chaos/judge.ts";
import type { Entry } from "../../chaos/ledger.ts";
import { sha256 } from "../../core/ids.ts";

/** An acknowledged sound upload unless told otherwise. */
export function entry(id: string, changes: Partial<Entry> = {}): Entry {
  return {
    id,
    door: "upload",
    kind: "sound",
    customerId: "studio",
    contentSha256: sha256(id),
    answer: "acknowledged",
    detail: "201",
    ...changes,
  };
}

/** The row that a sound image has in fct_images. */
export function imageRow(id: string, changes: Partial<ImageRow> = {}): ImageRow {
  return {
    imageId: `image-of-${id}`,
    customerId: "studio",
    status: "processed",
    reason: null,
    contentSha256: sha256(id),
    fileName: id,
    ...changes,
  };
}

/** Everything as it must be: the lake holds the images, and the platform's counts are those of the rows. */
export function evidence(facts: Pick<Evidence, "entries" | "images"> & Partial<Evidence>): Evidence {
  const { images, rejections = [] } = facts;
  const count = (status: string) => images.filter((row) => row.status === status).length;
  const counts = {
    received: images.length + rejections.length,
    processed: count("processed"),
    rejected: count("rejected") + rejections.length,
    failed: 0,
    pending: 0,
  };
  return {
    rejections,
    counts,
    unreconciled: 0,
    stored: images.map(({ imageId, contentSha256 }) => ({ imageId, contentSha256, missingRenditions: [] })),
    refresh: {
      command: "refresh",
      code: 0,
      json: { loaded_rows: 0, models_failed: 0, assertions_failed: 0 },
    },
    reconcile: { command: "reconcile --check", code: 0, json: {} },
    ...facts,
  };
}
