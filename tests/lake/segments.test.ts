import { describe, expect, it } from "@jest/globals";
import type { Row } from "../../core/rows.ts";
import { shapeOf } from "../../core/rows.ts";
import { type Lake, readWhole } from "../../lake/lake.ts";
import { memoryLake } from "../../lake/memory.ts";
import { segmentWriter } from "../../lake/segments.ts";
import { manualClock } from "../manual-clock.ts";

const row = (id: string): Row<"customer"> => ({
  event_id: id,
  customer_id: "c1",
  snapshot_at: "2026-01-31T10:00:00.000Z",
  name: "Customer",
  plan: null,
  country: null,
  is_active: true,
});

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function segmentsOf(lake: Lake): Promise<readonly { key: string; ids: readonly string[] }[]> {
  const found: { key: string; ids: readonly string[] }[] = [];
  for await (const key of lake.list({ prefix: "events/" })) {
    const lines = (await readWhole(lake, key))?.bytes.toString().trimEnd().split("\n") ?? [];
    found.push({ key, ids: lines.map((line) => JSON.parse(line).event_id) });
  }
  return found;
}

function setup(limits: Partial<{ rows: number; bytes: number; ageMs: number }> = {}) {
  const lake = memoryLake();
  const clock = manualClock("2026-01-31T23:59:59.500Z");
  const writer = segmentWriter({ lake, clock, limits: { rows: 100, bytes: 1e6, ageMs: 1000, ...limits } });
  return { lake, clock, writer };
}

describe("segments", () => {
  it("are written when the first row is old enough, and only then is the append done", async () => {
    const { lake, clock, writer } = setup();
    let isDone = false;
    const appended = writer.append("customer", [row("1")]).then(() => {
      isDone = true;
    });
    clock.advance(900);
    await settled();
    expect([isDone, await segmentsOf(lake)]).toEqual([false, []]);
    clock.advance(100);
    await appended;
    const [segment] = await segmentsOf(lake);
    expect(segment?.ids).toEqual(["1"]);
    expect(segment?.key).toMatch(
      /^events\/customer\/dt=2026-02-01\/20260201T000000500Z-\w+-000001-from20260131\.[0-9a-f]{8}\.ndjson$/,
    );
    expect(segment?.key).toContain(shapeOf("customer"));
  });

  it("hold the rows of all who append meanwhile (group commit), a table each", async () => {
    const { lake, clock, writer } = setup();
    const appends = ["1", "2", "3"].map((id) => writer.append("customer", [row(id)]));
    clock.advance(1000);
    await Promise.all(appends);
    expect((await segmentsOf(lake)).map(({ ids }) => ids)).toEqual([["1", "2", "3"]]);
  });

  it("roll over at so many rows, without waiting", async () => {
    const { lake, writer } = setup({ rows: 2 });
    await writer.append("customer", [row("1"), row("2")]);
    await writer.append("customer", [row("3"), row("4"), row("5")]);
    expect((await segmentsOf(lake)).map(({ ids }) => ids)).toEqual([
      ["1", "2"],
      ["3", "4", "5"],
    ]);
  });

  it("roll over at so many bytes, without waiting", async () => {
    const { lake, writer } = setup({ bytes: 10 });
    await writer.append("customer", [row("1")]);
    expect(await segmentsOf(lake)).toHaveLength(1);
  });

  it("are written by a flush, which waits until they are durable", async () => {
    const { lake, writer } = setup();
    const appended = writer.append("customer", [row("1")]);
    await writer.flush();
    await appended;
    expect(await segmentsOf(lake)).toHaveLength(1);
    await writer.flush();
    expect(await segmentsOf(lake)).toHaveLength(1);
  });

  it("reject every append they hold when they cannot be written, and the next ones go on", async () => {
    const lake = memoryLake();
    let isBroken = true;
    const failing: Lake = {
      ...lake,
      create: (key, body) =>
        isBroken ? Promise.reject(new RangeError("disk full")) : lake.create(key, body),
    };
    const clock = manualClock();
    const writer = segmentWriter({ lake: failing, clock, limits: { rows: 2, bytes: 1e6, ageMs: 1000 } });
    const appends = [writer.append("customer", [row("1")]), writer.append("customer", [row("2")])];
    await Promise.all(appends.map((append) => expect(append).rejects.toThrow("disk full")));
    isBroken = false;
    await writer.append("customer", [row("1"), row("2")]);
    expect(await segmentsOf(lake)).toHaveLength(1);
  });
});
