import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { duckdbWarehouse } from "../../warehouse/duckdb.ts";
import { type Home, newHome, root } from "./darkroom.ts";

const photos = join(root, "../shared/photos");
const arePhotosThere = existsSync(photos);
if (!arePhotosThere && process.env.CI !== "true") {
  console.log("skipped: real photographs (put a folder of them at ../shared/photos)");
}

(arePhotosThere || process.env.CI === "true" ? describe : describe.skip)("real photographs", () => {
  let home: Home;
  beforeAll(async () => {
    home = await newHome();
  });

  it("are taken in once, however often the folder is ingested", async () => {
    const first = await home.run("ingest", photos, "--customer", "c1", "--json");
    expect(first).toMatchObject({ code: 0, json: { ingested: 35, refused: 1, skipped: 0 } });
    expect(first.error).toContain("refused graphics/oceans.svg");
    const second = await home.run("ingest", photos, "--customer", "c1", "--json");
    expect(second).toMatchObject({ code: 0, json: { ingested: 0, refused: 0, skipped: 36 } });
  });

  it("are all answered for after a refresh", async () => {
    const { code, json } = await home.run("refresh", "--json");
    expect(code).toBe(0);
    expect(json).toMatchObject({
      received: 36,
      processed: 35,
      rejected: 1,
      failed: 0,
      pending: 0,
      assertions_failed: 0,
    });
    const { json: rejections } = await home.run(
      "query",
      "--json",
      "select source_ref, reason from staging.stg_darkroom__images_rejected",
    );
    expect(rejections?.rows).toEqual([{ source_ref: "graphics/oceans.svg", reason: "type_not_allowed" }]);
  }, 90_000);

  it("of eight orientations look alike", async () => {
    const { json } = await home.run(
      "query",
      "--json",
      `select regexp_extract(received.source_ref, r'(Landscape|Portrait)_') as picture,
              processed.perceptual_hash, processed.width_px > processed.height_px as is_wide
       from staging.stg_darkroom__images_processed as processed
       join staging.stg_darkroom__images_received as received on processed.image_id = received.image_id
       where starts_with(received.source_ref, 'orientation/')`,
    );
    const rows = json?.rows as readonly { picture: string; perceptual_hash: string; is_wide: boolean }[];
    expect(rows).toHaveLength(16);
    for (const { picture, is_wide } of rows) expect(is_wide).toBe(picture === "Landscape");
    for (const picture of ["Landscape", "Portrait"]) {
      const hashes = rows
        .filter((row) => row.picture === picture)
        .map((row) => BigInt(`0x${row.perceptual_hash}`));
      for (const hash of hashes) expect(bitsOf(hash ^ (hashes[0] ?? 0n))).toBeLessThanOrEqual(10);
    }
  });

  it("give the same marts when the warehouse is made again from the lake", async () => {
    const same = await home.run("rebuild", "--json");
    const tables = same.json?.tables as readonly { name: string; rows: number; is_equal: boolean }[];
    expect(same.code).toBe(0);
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["marts.fct_images", "reporting.rpt_images_by_type"]),
    );
    for (const table of tables) expect(table).toMatchObject({ is_equal: true, rows: expect.any(Number) });

    const before = await everyMart(home);
    const tampered = await duckdbWarehouse({
      path: join(home.folder, "warehouse.duckdb"),
      project: "darkroom",
    });
    await tampered.execute("delete from marts.fct_images where image_type = 'png'");
    await tampered.close();
    const found = await home.run("rebuild", "--json");
    expect([found.code, found.json?.is_equal]).toEqual([1, false]);
    expect(found.json?.tables).toContainEqual({
      name: "marts.fct_images",
      rows_before: 31,
      rows: 35,
      is_equal: false,
    });
    expect(existsSync(join(home.folder, "warehouse.duckdb.before"))).toBe(true);
    expect(await everyMart(home)).toEqual(before);

    await rm(join(home.folder, "warehouse.duckdb"));
    expect((await home.run("rebuild", "--json")).code).toBe(0);
    expect(await everyMart(home)).toEqual(before);
  }, 60_000);
});

async function everyMart(home: Home): Promise<readonly unknown[]> {
  const queries = [
    "select * from marts.fct_images order by image_id",
    "select * from marts.dim_customer order by customer_id",
    "select * from marts.dim_image_type order by image_type",
    "select * from reporting.rpt_images_by_customer order by customer_id",
    "select * from reporting.rpt_images_by_type order by customer_id, image_type",
  ];
  const answers: unknown[] = [];
  for (const query of queries) answers.push((await home.run("query", "--json", query)).json);
  return answers;
}

function bitsOf(value: bigint): number {
  return [...value.toString(2)].filter((bit) => bit === "1").length;
}
