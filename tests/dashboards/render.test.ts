import { describe, expect, it } from "@jest/globals";
import { barsOf } from "../../dashboards/render/bars.ts";
import { html } from "../../dashboards/render/html.ts";
import { type Answer, renderPage } from "../../dashboards/render/page.ts";
import { renderTile } from "../../dashboards/render/tile.ts";
import { bytesText, countText, nameText, shareText, timeText } from "../../dashboards/render/values.ts";
import { type BarsTile, report } from "../../dashboards/report.ts";
import { customerRow, resultOf, typeRow } from "./rows.ts";

const script = '<script>alert("1")</script>';

function barsTile(id: string): BarsTile {
  const tile = report.tiles.find((one) => one.id === id);
  if (tile?.kind !== "bars") throw new TypeError(`${id} is no bar chart`);
  return tile;
}

function page(answer: Answer, refreshedAt?: Date): string {
  return renderPage({ report, answer, refreshedAt });
}

describe("values", () => {
  it("have thousands separators, exact beyond 2^53", () => {
    expect(countText(1234567)).toBe("1,234,567");
    expect(countText("9007199254740993")).toBe("9,007,199,254,740,993");
    expect(countText(null)).toBe("0");
  });

  it("have units of bytes", () => {
    expect([0, 999, 1000, 1_234_567, 999_999].map(bytesText)).toEqual([
      "0 B",
      "999 B",
      "1 kB",
      "1.2 MB",
      "1 MB",
    ]);
  });

  it("tell times in UTC, and that there is none", () => {
    expect(timeText("2026-01-31T10:00:00.123456+00:00")).toBe("2026-01-31 10:00 UTC");
    expect(timeText(null)).toBe("–");
  });

  it("do not round a part to none or to all", () => {
    expect([shareText(1, 1_000_000), shareText(999_999, 1_000_000), shareText(0, 10)]).toEqual([
      "< 0.1%",
      "> 99.9%",
      "0%",
    ]);
  });

  it("keep names on one line, in their own direction", () => {
    expect(nameText("a\n\u202Eb\u0000")).toBe("a b");
    expect(nameText("\u200B")).toBe("–");
  });
});

describe("a page", () => {
  const hostile = customerRow("c1", script, 1234567, 12);
  const rows: Answer = {
    kind: "rows",
    results: new Map([
      ["images_by_customer", resultOf([hostile])],
      ["images_by_type", resultOf([typeRow("jpeg", "JPEG", hostile)])],
    ]),
  };

  it("escapes customers' names in tables, legends and drawings", () => {
    const text = page(rows);
    expect(text).not.toContain("<script>alert");
    expect(text).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
    expect(text.match(/<script/g)).toHaveLength(1);
  });

  it("has nothing that a strict Content-Security-Policy forbids", () => {
    expect(page(rows)).not.toMatch(/<style| style=| on\w+=|javascript:/);
  });

  it("shows numbers with thousands separators and shares", () => {
    const text = page(rows);
    expect(text).toContain("<dd>1,234,567</dd>");
    expect(text).toContain("> 99.9%".replace(">", "&gt;"));
  });

  it("has a table beside each chart", () => {
    for (const { id, kind } of report.tiles) {
      if (kind === "bars") expect(report.tiles.map((tile) => tile.id)).toContain(`${id}-table`);
    }
  });

  it("says what to do when there are no images yet", () => {
    const text = page({ kind: "rows", results: new Map() });
    expect(text).toContain("No images yet");
    expect(text).toContain("darkroom ingest");
    expect(text).not.toContain("<svg");
  });

  it("says which command is missing when the models have not run", () => {
    expect(page({ kind: "not modelled" })).toContain(
      "The models have not run yet: <code>darkroom refresh</code>",
    );
  });

  it("says when its data are from", () => {
    expect(page(rows, new Date("2026-01-31T10:00:00Z"))).toContain(
      '<time datetime="2026-01-31T10:00:00.000Z">2026-01-31 10:00:00 UTC</time>',
    );
  });
});

describe("bars", () => {
  const many = Array.from({ length: 60 }, (_, index) =>
    customerRow(`c${index}`, `Customer ${index}`, 100 - index),
  );

  it("are the 20 largest and the others together, and say so", () => {
    const { bars, notes } = barsOf(barsTile("by-customer"), many);
    expect(bars).toHaveLength(21);
    expect(bars.at(-1)).toEqual({ name: "40 others", total: 2420 });
    expect(notes).toEqual(["The 20 largest of 60 customers by name, all others together."]);
    expect(bars.reduce((sum, { total }) => sum + total, 0)).toBe(4230);
  });

  it("show a single other by its name", () => {
    const { bars, notes } = barsOf(barsTile("by-customer"), many.slice(0, 21));
    expect([bars.at(-1)?.name, notes]).toEqual(["Customer 20", []]);
  });

  it("tell two customers of one name apart", () => {
    const rows = [customerRow("a", "Same", 3), customerRow("b", "Same", 2)];
    expect(barsOf(barsTile("by-customer"), rows).bars).toEqual([
      { name: "Same", total: 3 },
      { name: "Same", total: 2 },
    ]);
  });

  it("are split by the largest customers of all types", () => {
    const rows = ["jpeg", "png"].flatMap((type) => many.map((row) => typeRow(type, type, row)));
    const { bars, parts } = barsOf(barsTile("by-type"), rows);
    expect(bars.map(({ name }) => name)).toEqual(["jpeg", "png"]);
    expect(parts.map(({ tone }) => tone)).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7].map((place) => `part-${place}`),
      "others",
    ]);
    expect(parts.reduce((sum, { values }) => sum + (values[0] ?? 0), 0)).toBe(bars[0]?.total);
  });

  it("are drawn without styles of their own", () => {
    const { markup } = renderTile(barsTile("by-customer"), resultOf(many));
    expect(markup).toContain('fill="var(--processed)"');
    expect(markup).not.toMatch(/<style| style=| class="zr/);
  });
});

describe("html", () => {
  it("escapes every part that is not markup", () => {
    expect(html`<a title="${`"'&`}">${html`<b>${"<"}</b>`}${[html`1`, html`2`]}</a>`.markup).toBe(
      '<a title="&quot;&#39;&amp;"><b>&lt;</b>12</a>',
    );
  });
});
