import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { Refused } from "../../../core/errors.ts";
import { memoryLog, memoryStream } from "../../../loaders/stream/memory.ts";
import { sendFiles } from "../../../loaders/stream/send-files.ts";
import type { NewStreamMessage } from "../../../loaders/stream/stream.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

const { signal } = new AbortController();

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "below"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

describe("sending files into a stream", () => {
  it("sends each file once, with its customer, its name and its declared type", async () => {
    const log = memoryLog();
    const folder = await folderOf({ "a.jpg": "a", "below/ä.png": "b", ".hidden": "c" });
    const one = await folderOf({ "c.gif": "d" });
    const summary = await sendFiles(memoryStream({ log }), {
      paths: [folder, join(one, "c.gif")],
      claims: [],
      customerId: "c1",
      contentType: "image/jpeg",
      signal,
    });
    expect(summary).toEqual({ sent: 3, claimed: 0, tooLarge: 0, unreadable: 0, sentBytes: 3 });
    const sent = log.partitions
      .flat()
      .map(({ value, headers }) => [
        Buffer.from(value).toString(),
        ...["customer-id", "file-name", "content-type"].map((name) =>
          Buffer.from(headers[name] ?? []).toString(),
        ),
      ]);
    expect(sent.sort()).toEqual([
      ["a", "c1", "a.jpg", "image/jpeg"],
      ["b", "c1", "ä.png", "image/jpeg"],
      ["d", "c1", "c.gif", "image/jpeg"],
    ]);
  });

  it("sends addresses as claims", async () => {
    const log = memoryLog();
    const claims = ["gs://pictures/a.jpg", "https://images.example/b.jpg"];
    const summary = await sendFiles(memoryStream({ log }), { paths: [], claims, customerId: "c1", signal });
    expect(summary).toMatchObject({ sent: 0, claimed: 2 });
    const sent = log.partitions
      .flat()
      .map(({ value, headers }) => [
        JSON.parse(Buffer.from(value).toString()),
        Buffer.from(headers["content-type"] ?? []).toString(),
      ]);
    expect(sent).toEqual(
      claims.map((uri) => [{ uri, customer_id: "c1" }, "application/vnd.darkroom.claim+json"]),
    );
  });

  it("names what is too large and goes on", async () => {
    const folder = await folderOf({ "a.jpg": "a", "b.jpg": "bbb", "c.jpg": "c" });
    const produced: NewStreamMessage[] = [];
    const produce = async ([message]: readonly NewStreamMessage[]) => {
      if (message === undefined || message.value.length > 2)
        throw new Refused("too_large", "too large", "2 bytes");
      produced.push(message);
    };
    const large: string[] = [];
    const summary = await sendFiles(
      { produce },
      {
        paths: [folder],
        claims: [],
        customerId: "c1",
        signal,
        onSent: (_, { kind, name }) => void (kind === "tooLarge" && large.push(name)),
      },
    );
    expect([summary.sent, summary.tooLarge, large, produced.length]).toEqual([2, 1, ["b.jpg"], 2]);
  });

  it("sends nothing more after the signal, and fails with the stream", async () => {
    const folder = await folderOf({ "a.jpg": "a" });
    const options = { paths: [folder], claims: [], customerId: "c1" };
    const ended = AbortSignal.abort();
    expect(await sendFiles(memoryStream(), { ...options, signal: ended })).toMatchObject({ sent: 0 });
    const produce = async () => Promise.reject(new TypeError("away"));
    await expect(sendFiles({ produce }, { ...options, signal })).rejects.toThrow("away");
  });
});
