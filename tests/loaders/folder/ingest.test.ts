import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { recordOf } from "../../../lake/records.ts";
import {
  countFiles,
  type IngestOptions,
  type IngestSummary,
  ingest,
} from "../../../loaders/folder/ingest.ts";
import { picture } from "../../pictures.ts";
import { keysBelow, type TestPlatform, testPlatform } from "../../platform.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

async function folderOf(files: Readonly<Record<string, Buffer>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}

const take = (
  platform: TestPlatform,
  path: string,
  changes: Partial<IngestOptions> = {},
): Promise<IngestSummary> =>
  ingest(platform.intake, {
    path,
    customerId: "c1",
    isDryRun: false,
    signal: new AbortController().signal,
    ...changes,
  });

describe("folder door", () => {
  it("takes in images of all subfolders, and nothing the second time", async () => {
    const platform = await testPlatform();
    const folder = await folderOf({ "a.png": await picture(1), "b/c/d.png": await picture(2) });
    expect(await countFiles(folder)).toBe(2);
    expect(await take(platform, folder)).toMatchObject({ files: 2, ingested: 2, refused: 0, skipped: 0 });
    expect(await take(platform, folder)).toMatchObject({ files: 2, ingested: 0, refused: 0, skipped: 2 });
    const records = await Promise.all(
      (await keysBelow(platform.lake, "originals/")).map(async (key) => {
        const object = await platform.lake.stat(key);
        return object && recordOf("image_received", object);
      }),
    );
    expect(records.map((record) => record?.source_ref).sort()).toEqual(["a.png", "b/c/d.png"]);
    expect(records.map((record) => record?.file_name).sort()).toEqual(["a.png", "d.png"]);
  });

  it("refuses what claims to be an image and is none, once; passes over what does not claim it", async () => {
    const platform = await testPlatform();
    const folder = await folderOf({
      "fake.jpg": Buffer.from("text"),
      "logo.svg": Buffer.from("<svg/>"),
      "README.md": Buffer.from("# text"),
      noextension: await picture(1),
      ".hidden.png": await picture(2),
    });
    expect(await take(platform, folder)).toMatchObject({ ingested: 1, refused: 2, others: 1, files: 4 });
    expect(await take(platform, folder)).toMatchObject({ ingested: 0, refused: 0, skipped: 3, others: 1 });
  });

  it("takes a changed file and the same content under another name as new images", async () => {
    const platform = await testPlatform();
    const folder = await folderOf({ "a.png": await picture(1) });
    await take(platform, folder);
    await writeFile(join(folder, "a.png"), await picture(2));
    await writeFile(join(folder, "b.png"), await picture(1));
    expect(await take(platform, folder)).toMatchObject({ ingested: 2, skipped: 0 });
  });

  it("refuses a name that is not UTF-8, and takes the others", async () => {
    const platform = await testPlatform();
    const folder = await folderOf({ "a.png": await picture(1) });
    await writeFile(
      Buffer.concat([Buffer.from(`${folder}/b`), Buffer.from([0xff]), Buffer.from(".png")]),
      await picture(2),
    );
    expect(await take(platform, folder)).toMatchObject({ ingested: 1, refused: 1 });
    const [key] = await keysBelow(platform.lake, "rejected/");
    expect((await platform.lake.stat(String(key)))?.metadata).toMatchObject({ reason: "bad_file_name" });
  });

  it("refuses a file that is too large without reading all of it", async () => {
    const platform = await testPlatform();
    const folder = await folderOf({ "huge.jpg": Buffer.alloc(300_000) });
    expect(await take(platform, folder)).toMatchObject({ refused: 1 });
    const [key] = await keysBelow(platform.lake, "rejected/");
    expect((await platform.lake.stat(String(key)))?.sizeBytes).toBe(65_536);
  });

  it("writes nothing in a dry run", async () => {
    const platform = await testPlatform();
    const folder = await folderOf({ "a.png": await picture(1), "b.jpg": Buffer.from("text") });
    expect(await take(platform, folder, { isDryRun: true })).toMatchObject({ ingested: 1, refused: 1 });
    expect(await keysBelow(platform.lake, "")).toEqual([]);
  });

  it("stops between files and goes on the next time", async () => {
    const platform = await testPlatform();
    const files = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => [`${n}.png`, await picture(n)] as const),
    );
    const folder = await folderOf(Object.fromEntries(files));
    const stop = new AbortController();
    const first = await take(platform, folder, {
      signal: stop.signal,
      onFile: (summary) => summary.files === 5 && stop.abort(),
    });
    expect(first.ingested).toBeLessThan(30);
    const second = await take(platform, folder);
    expect([second.skipped, second.ingested]).toEqual([first.ingested, 30 - first.ingested]);
  });

  it("takes one file, does not follow links, and says what cannot be read", async () => {
    const platform = await testPlatform();
    const folder = await folderOf({ "a.png": await picture(1) });
    await symlink(folder, join(folder, "loop"));
    expect(await take(platform, folder)).toMatchObject({ files: 1, ingested: 1 });
    expect(await take(platform, join(folder, "a.png"))).toMatchObject({ files: 1, skipped: 1 });
    await expect(take(platform, join(folder, "none"))).rejects.toMatchObject({ name: "Misconfigured" });
  });
});
