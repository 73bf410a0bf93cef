import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { TableSpec, Warehouse } from "../../warehouse/warehouse.ts";
import { type BigqueryDouble, bigqueryDouble } from "./bigquery-double.ts";
import { type StreamDouble, streamDouble } from "./bigquery-stream-double.ts";

const customers: TableSpec = {
  name: "customer",
  description: "One row per customer.",
  columns: [
    { name: "customer_id", type: "STRING", mode: "REQUIRED", description: "Identity." },
    { name: "snapshot_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When." },
  ],
  partitionBy: "snapshot_at",
  clusterBy: ["customer_id"],
};

let bigquery: BigqueryDouble;
let streams: StreamDouble;
let warehouse: Warehouse;
const files = new Map<string, string>();

beforeEach(async () => {
  bigquery = await bigqueryDouble();
  streams = await streamDouble();
  files.clear();
  warehouse = open();
});
afterEach(async () => {
  await bigquery.close();
  streams.close();
});

const open = () =>
  bigquery.warehouse({
    mode: "stream",
    writeEndpoint: streams.endpoint,
    readSegment: async (url) => Buffer.from(files.get(url) ?? ""),
  });

function segment(name: string, rows: number, id = "c") {
  const url = `gs://b/${name}`;
  const row = { customer_id: id, snapshot_at: "2026-01-31T10:00:00Z", _segment: name };
  files.set(url, `${JSON.stringify(row)}\n`.repeat(rows));
  return { name, url };
}
const load = (...segments: ReturnType<typeof segment>[]) => warehouse.load("raw", customers, segments);
const offsets = () => streams.appends.map(({ offset, rows }) => [offset, rows]);

describe("a load by stream", () => {
  it("is one append, at the end of the process's stream", async () => {
    expect(await load(segment("a", 2), segment("b", 3))).toEqual({ rows: 5, bytesBilled: 0 });
    expect((await load(segment("c", 4))).rows).toBe(4);
    expect(offsets()).toEqual([
      [0, 5],
      [5, 4],
    ]);
    expect([...streams.streams]).toEqual([["projects/p/datasets/raw/tables/customer/streams/s1", 9]]);
    expect(bigquery.inserted("load")).toEqual([]);
  });

  it("waits for another one into the same table, and leaves out what that wrote", async () => {
    streams.onWritten = () => {
      for (const name of ["a", "b"]) bigquery.segments.add(name);
    };
    const loads = [load(segment("a", 2), segment("b", 3)), load(segment("b", 3), segment("c", 4))];
    expect((await Promise.all(loads)).map(({ rows }) => rows)).toEqual([5, 4]);
    expect(offsets()).toEqual([
      [0, 5],
      [5, 4],
    ]);
  });

  it("leaves out what the table holds", async () => {
    bigquery.segments.add("a");
    expect((await load(segment("a", 2), segment("b", 3))).rows).toBe(3);
    expect((await load(segment("a", 2))).rows).toBe(0);
    expect(offsets()).toEqual([[0, 3]]);
  });

  it.each(["answer lost", "broken"] as const)(
    "is written once when the connection breaks (%s)",
    async (ending) => {
      streams.endings.push(ending);
      expect((await load(segment("a", 2))).rows).toBe(2);
      expect((await load(segment("b", 1))).rows).toBe(1);
      expect(offsets()).toEqual([
        [0, 2],
        [0, 2],
        [2, 1],
      ]);
      expect([...streams.streams.values()]).toEqual([3]);
    },
  );

  it("whose end stays unknown is settled before the table is read again, and then done or not", async () => {
    streams.endings.push("unknown");
    await expect(load(segment("a", 2))).rejects.toMatchObject({ name: "Unavailable" });
    expect(streams.finalized).toEqual([]);
    bigquery.intercept = ({ method, path }) => {
      if (method === "POST" && path === "jobs") expect(streams.finalized).toHaveLength(1);
      return undefined;
    };
    expect((await load(segment("a", 2))).rows).toBe(2);
    expect([...streams.streams.values()]).toEqual([0, 2]);
    expect(streams.finalized).toHaveLength(1);
  });

  it("that was written although no answer came is not written again", async () => {
    streams.onWritten = () => bigquery.segments.add("a");
    streams.endings.push("answer lost", "broken", "broken", "broken");
    await expect(load(segment("a", 2))).rejects.toMatchObject({ name: "Unavailable" });
    expect((await load(segment("a", 2))).rows).toBe(0);
    warehouse = open();
    expect((await load(segment("a", 2))).rows).toBe(0);
    expect([...streams.streams.values()]).toEqual([2]);
  });

  it("is refused when the service refuses a row, and the stream goes on", async () => {
    streams.endings.push("row refused");
    await expect(load(segment("a", 2))).rejects.toMatchObject({
      name: "Refused",
      message: expect.stringContaining("Field visits: bad value"),
    });
    expect((await load(segment("b", 1))).rows).toBe(1);
    expect(offsets()).toEqual([
      [0, 2],
      [0, 1],
    ]);
    expect(streams.streams.size).toBe(1);
  });

  it("is not begun when a row of any file does not fit", async () => {
    const bad = segment("bad", 1);
    files.set(bad.url, "{}\n");
    await expect(load(segment("a", 2), bad)).rejects.toThrow("gs://b/bad:1: column customer_id");
    expect(streams.appends).toEqual([]);
  });

  it("of more bytes than a request takes is a load job, wholly", async () => {
    const large = segment("large", 10, "c".repeat(1_000_000));
    expect((await load(segment("a", 1), large)).rows).toBe(1);
    expect(streams.appends).toEqual([]);
    expect(bigquery.inserted("load")[0]?.body.configuration.load.sourceUris).toEqual([
      "gs://b/a",
      "gs://b/large",
    ]);
  });

  it("goes to another stream when the table has grown", async () => {
    await load(segment("a", 1));
    const grown = {
      ...customers,
      columns: [...customers.columns, { name: "city", type: "STRING", description: "" } as const],
    };
    await warehouse.load("raw", grown, [segment("b", 1)]);
    expect([...streams.streams.values()]).toEqual([1, 1]);
  });

  it("without rows writes nothing", async () => {
    expect((await load(segment("empty", 0))).rows).toBe(0);
    expect(streams.appends).toEqual([]);
  });
});
