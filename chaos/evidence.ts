/** Gathers what the judge looks at: the warehouse's answers, the lake's objects, and what darkroom's own checks say. */

import { countImages } from "../cli/steps.ts";
import type { Platform } from "../cli/wiring.ts";
import { sha256 } from "../core/ids.ts";
import { readWhole } from "../lake/lake.ts";
import { idOfKey, originals, outcomeKey } from "../lake/layout.ts";
import { readOutcome } from "../lake/records.ts";
import { standardRecipe } from "../processor/recipe.ts";
import type { Evidence, ImageRow, RejectionRow, StoredImage } from "./judge.ts";
import type { Ledger } from "./ledger.ts";
import { runDarkroom } from "./program.ts";
import type { World } from "./world.ts";

const imagesSql = `
  select images.image_id, images.customer_id, images.status, images.reason, images.content_sha256, receipts.file_name
  from marts.fct_images as images
  left join staging.stg_darkroom__images_received as receipts on images.image_id = receipts.image_id`;

/** Raw tables may hold a row twice. */
const rejectionsSql = `
  select distinct event_id, reason, file_name from raw.image_rejected where stage = 'door'`;

/** What the assertion of that name found when the models were last run. */
const unreconciledSql = "select count(*) as row_count from quality.reconcile_submissions";

/**
 * Everything must have stopped in order: what is read first is what the platform itself has left. `openPlatform` opens a way to
 * lake and warehouse, past the faults; it is closed here.
 */
export async function gatherEvidence(
  { kind, calm }: Pick<World, "kind" | "calm">,
  ledger: Ledger,
  openPlatform: () => Promise<Platform>,
): Promise<Evidence> {
  const facts = await readFacts(await openPlatform());
  // Pub/Sub delivers again what it was told too late, so there is always something to do; and the server takes its time.
  const refresh = kind === "embedded" ? await runDarkroom(["refresh"], calm) : undefined;
  const reconcile = await runDarkroom(["reconcile", "--check"], calm);
  return { entries: ledger.entries(), ...facts, refresh, reconcile };
}

type Facts = Pick<Evidence, "images" | "rejections" | "counts" | "unreconciled" | "stored">;

async function readFacts(platform: Platform): Promise<Facts> {
  try {
    const warehouse = await platform.warehouse();
    const images = (await warehouse.query(imagesSql)).rows.map(
      (row): ImageRow => ({
        imageId: String(row.image_id),
        customerId: String(row.customer_id),
        status: String(row.status),
        reason: row.reason === null ? null : String(row.reason),
        contentSha256: String(row.content_sha256),
        fileName: row.file_name === null ? null : String(row.file_name),
      }),
    );
    const rejections = (await warehouse.query(rejectionsSql)).rows.map(
      (row): RejectionRow => ({
        rejectId: String(row.event_id),
        reason: String(row.reason),
        fileName: row.file_name === null ? null : String(row.file_name),
      }),
    );
    return {
      images,
      rejections,
      counts: await countImages({ platform }),
      unreconciled: Number((await warehouse.query(unreconciledSql)).rows[0]?.row_count),
      stored: await storedImages(platform),
    };
  } finally {
    await platform.close();
  }
}

async function storedImages({ images }: Platform): Promise<readonly StoredImage[]> {
  const stored: StoredImage[] = [];
  for await (const key of images.list({ prefix: originals })) {
    const original = await readWhole(images, key);
    if (original === undefined) continue;
    const imageId = idOfKey(key);
    const outcome = await readOutcome(images, outcomeKey(imageId, standardRecipe));
    const missing: string[] = [];
    for (const rendition of outcome?.renditions ?? []) {
      if ((await images.stat(rendition.key)) === undefined) missing.push(rendition.key);
    }
    stored.push({
      imageId,
      contentSha256: sha256(original.bytes),
      missingRenditions: outcome === undefined ? undefined : missing,
    });
  }
  return stored;
}
