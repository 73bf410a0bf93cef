import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { openLedger, type Submission } from "../../chaos/ledger.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const submission: Submission = {
  id: "1",
  door: "upload",
  kind: "sound",
  customerId: "studio",
  contentSha256: "00",
};

async function newLedger() {
  const path = join(await temporaryFolder(), "ledger.ndjson");
  return { path, ledger: openLedger(path) };
}

describe("the ledger", () => {
  it("takes what nobody answered for unknown", async () => {
    const { ledger } = await newLedger();
    ledger.offer(submission);
    expect(ledger.entries()).toEqual([{ ...submission, answer: "unknown", detail: "no answer yet" }]);
  });

  it("never takes an acknowledgement back", async () => {
    const { ledger } = await newLedger();
    ledger.offer(submission);
    ledger.answer("1", "acknowledged", "201", "image");
    ledger.answer("1", "unknown", "ECONNRESET");
    expect(ledger.entries()).toMatchObject([{ answer: "acknowledged", imageId: "image" }]);
  });

  it("tells when a repeat is acknowledged as another image", async () => {
    const { ledger } = await newLedger();
    ledger.offer(submission);
    ledger.answer("1", "acknowledged", "201", "image");
    ledger.answer("1", "acknowledged", "200", "image");
    expect(ledger.contradictions()).toEqual([]);
    ledger.answer("1", "acknowledged", "200", "another");
    expect(ledger.contradictions()).toEqual(["1 was acknowledged as image and, repeated, as another"]);
  });

  it("keeps every line in its file, the offer before the answer", async () => {
    const { ledger, path } = await newLedger();
    ledger.offer(submission);
    ledger.answer("1", "acknowledged", "201", "image");
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { event: "offered", id: "1", contentSha256: "00" },
      { event: "acknowledged", id: "1", image_id: "image" },
    ]);
  });
});
