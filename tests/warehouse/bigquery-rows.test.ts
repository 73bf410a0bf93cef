import { describe, expect, it } from "@jest/globals";
import { rowsOf } from "../../warehouse/bigquery-rows.ts";
import type { Column } from "../../warehouse/warehouse.ts";

const columns: readonly Column[] = [
  { name: "id", type: "STRING", mode: "REQUIRED", description: "" },
  { name: "count", type: "INT64", description: "" },
  { name: "score", type: "FLOAT64", description: "" },
  { name: "price", type: "NUMERIC", description: "" },
  { name: "is_set", type: "BOOL", description: "" },
  { name: "at", type: "TIMESTAMP", description: "" },
  { name: "day", type: "DATE", description: "" },
  { name: "extra", type: "JSON", description: "" },
  { name: "tags", type: "STRING", mode: "REPEATED", description: "" },
  {
    name: "parts",
    type: "RECORD",
    mode: "REPEATED",
    description: "",
    fields: [{ name: "width", type: "INT64", mode: "REQUIRED", description: "" }],
  },
  { name: "_segment", type: "STRING", mode: "REQUIRED", description: "" },
];
const segment = { name: "s", url: "gs://b/s.ndjson" };
const rows = (...lines: readonly unknown[]) =>
  rowsOf(
    lines
      .map((line) => (typeof line === "string" ? line : JSON.stringify({ _segment: "s", ...Object(line) })))
      .join("\n"),
    columns,
    segment,
  );

describe("rows for a stream", () => {
  it("have microseconds, days and text of JSON, and leave out what is null", () => {
    const row = {
      id: "a",
      count: 5,
      score: 0.5,
      price: "0.000000001",
      is_set: false,
      at: "2026-01-31T11:00:00.000007+01:00",
      day: "1970-01-02",
      extra: { k: [1] },
      tags: ["x"],
      parts: [{ width: 3 }],
    };
    expect(rows(row, "", { id: "b", count: null, tags: null })).toEqual([
      { ...row, at: 1769853600000007, day: 1, extra: '{"k":[1]}', _segment: "s" },
      { id: "b", tags: [], parts: [], _segment: "s" },
    ]);
  });

  it.each([
    [{ id: null }, "column id is null; expected a value"],
    [{ id: 5 }, "column id is 5; expected a text"],
    [{ id: "a", count: 1.5 }, "column count is 1.5"],
    [{ id: "a", count: "1" }, 'column count is "1"'],
    [{ id: "a", count: 2 ** 53 }, "column count"],
    [{ id: "a", score: "high" }, "column score"],
    [{ id: "a", price: "1e3" }, "column price"],
    [{ id: "a", price: "0.0000000001" }, "column price"],
    [{ id: "a", is_set: "true" }, "column is_set"],
    [{ id: "a", at: "yesterday" }, "column at"],
    [{ id: "a", at: "2026-01-31T10:00:00" }, "column at"],
    [{ id: "a", at: "2026-13-31T10:00:00Z" }, "column at"],
    [{ id: "a", at: "2300-01-01T00:00:00Z" }, "before 2255"],
    [{ id: "a", at: "2026-02-30T10:00:00Z" }, "column at"],
    [{ id: "a", day: "2026-02-30" }, "column day"],
    [{ id: "a", day: "2026-99-30" }, "column day"],
    [{ id: "a", tags: "x" }, "column tags"],
    [{ id: "a", tags: [1] }, "column tags"],
    [{ id: "a", parts: [{}] }, "column parts.width is null"],
    [{ id: "a", parts: [{ width: 1, height: 2 }] }, "No such column: parts.height"],
    [{ id: "a", colour: "red" }, "No such column: colour"],
    [{ id: "a", _segment: "other" }, 'column _segment is "other"; expected s'],
    ["{", "it is not JSON"],
    ["[1]", "(the row)"],
  ])("refuse %j", (row, problem) => {
    expect(() => rows({ id: "good" }, row)).toThrow(problem);
    expect(() => rows({ id: "good" }, row)).toThrow("gs://b/s.ndjson:2: ");
  });
});
