import { describe, expect, it } from "@jest/globals";
import { parseRow, shapeOf, tables } from "../../core/rows.ts";

const customer = {
  event_id: "1/c1",
  customer_id: "c1",
  snapshot_at: "2026-01-31T10:00:00.000Z",
  name: "Customer",
  plan: null,
  country: null,
  is_active: true,
};

describe("rows of raw tables", () => {
  it("fit when every required column is there; missing nullable ones become null", () => {
    const { plan: _, ...withoutPlan } = customer;
    expect(parseRow("customer", withoutPlan)).toMatchObject({ success: true, data: customer });
  });

  it.each([
    ["a column that is not known", { ...customer, colour: "red" }],
    ["a required column that is missing", { ...customer, name: undefined }],
    ["half a character", { ...customer, name: "x\ud83d" }],
    ["another type", { ...customer, is_active: "yes" }],
    ["a time without a zone", { ...customer, snapshot_at: "2026-01-31T10:00:00" }],
  ])("do not fit with %s", (_what, row) => {
    expect(parseRow("customer", row).success).toBe(false);
  });

  it("have a shape that a change of text leaves and that differs for each table", () => {
    const shapes = tables.map(({ name }) => shapeOf(name));
    expect(new Set(shapes).size).toBe(6);
    for (const shape of shapes) expect(shape).toMatch(/^[0-9a-f]{8}$/);
  });

  it("are described by tables in which every column has a text and a known kind of name", () => {
    for (const { name, columns, partitionBy, clusterBy } of tables) {
      const names: string[] = columns.map((column) => column.name);
      expect(new Set(names).size).toBe(names.length);
      expect(names).toEqual(expect.arrayContaining([partitionBy, ...clusterBy]));
      for (const column of columns) {
        expect(`${name}.${column.name}: ${column.description}`).toMatch(/\.$/);
        if (column.type === "TIMESTAMP") expect(column.name).toMatch(/_at$/);
        if (column.type === "BOOL") expect(column.name).toMatch(/^(is|has)_/);
      }
    }
  });
});
