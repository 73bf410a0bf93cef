/** A tile and the rows behind it as HTML. */

import type { QueryResult } from "../../warehouse/warehouse.ts";
import type { BarsTile, NumbersTile, TableColumn, TableTile, Tile } from "../report.ts";
import { barsOf, type Part } from "./bars.ts";
import { barsSvg } from "./chart.ts";
import { type Html, html, nothing } from "./html.ts";
import { countText, type Row, shareText, sumOf, valueText } from "./values.ts";

/** A longer table is of no use on a page; the data file has every row. */
const shownRows = 200;

/** One drawing for wide screens and one for narrow ones: the style sheet shows the one that fits. */
const sizes = [
  { name: "wide", widthPx: 1040, namesPx: 220 },
  { name: "narrow", widthPx: 328, namesPx: 116 },
] as const;

/** The tile as a section with a heading; nothing in it comes from the rows unescaped. */
export function renderTile(tile: Tile, { rows }: QueryResult): Html {
  return html`<section class="tile ${tile.kind}" id="${tile.id}" aria-labelledby="${tile.id}-title">
<h2 id="${tile.id}-title">${tile.title}</h2>
<p class="about">${tile.description}</p>
${bodyOf(tile, rows)}
</section>
`;
}

function bodyOf(tile: Tile, rows: readonly Row[]): Html {
  switch (tile.kind) {
    case "numbers":
      return renderNumbers(tile, rows);
    case "bars":
      return renderBars(tile, rows);
    case "table":
      return renderTable(tile, rows);
  }
}

function renderNumbers({ measures, of }: NumbersTile, rows: readonly Row[]): Html {
  const total = sumOf(rows, of);
  const items = measures.map(({ column, label, tone }) => {
    const sum = sumOf(rows, column);
    const share = column === of ? nothing : html`<dd class="share">${shareText(sum, total)}</dd>`;
    return html`<div class="number tone-${tone}"><dt>${label}</dt><dd>${countText(sum)}</dd>${share}</div>`;
  });
  return html`<dl>${items}</dl>`;
}

function renderBars(tile: BarsTile, rows: readonly Row[]): Html {
  const bars = barsOf(tile, rows);
  const drawings = sizes.map((size) => html`<div class="drawing ${size.name}">${barsSvg(bars, size)}</div>`);
  const notes = bars.notes.map((note) => html`<p class="note">${note}</p>`);
  return html`<figure><figcaption>${legendOf(bars.parts)}</figcaption>
${drawings}</figure>${notes}<p class="note twin">The same <a href="#${tile.id}-table">in numbers</a>.</p>`;
}

function legendOf(parts: readonly Part[]): Html {
  const entries = parts.map(({ name, tone }) => html`<li class="tone-${tone}"><bdi>${name}</bdi></li>`);
  return html`<ul class="legend">${entries}</ul>`;
}

function renderTable({ id, columns }: TableTile, rows: readonly Row[]): Html {
  const head = columns.map((column) => html`<th scope="col" class="${column.show}">${column.label}</th>`);
  const body = rows.slice(0, shownRows).map(
    (row) => html`<tr>${columns.map(cellOf(row))}</tr>
`,
  );
  const rest = rows.length - shownRows;
  const more =
    rest > 0
      ? html`<p class="note">The first ${shownRows} rows; ${countText(rest)} more are in the <a href="/dashboard/data.json">data</a>.</p>`
      : nothing;
  return html`<div class="scroll" role="region" aria-labelledby="${id}-title" tabindex="0"><table>
<thead><tr>${head}</tr></thead>
<tbody>${body}</tbody>
<tfoot><tr>${columns.map(totalOf(rows))}</tr></tfoot>
</table></div>${more}`;
}

function cellOf(row: Row): (column: TableColumn, index: number) => Html {
  return ({ column, show }, index) => {
    const text = valueText(row[column], show);
    if (index === 0) return html`<th scope="row"><bdi>${text}</bdi></th>`;
    if (show === "text") return html`<td class="text"><bdi>${text}</bdi></td>`;
    return html`<td class="${show}${text === "0" ? " none" : ""}">${text}</td>`;
  };
}

function totalOf(rows: readonly Row[]): (column: TableColumn, index: number) => Html {
  return ({ column, show }, index) => {
    if (index === 0) return html`<th scope="row">all</th>`;
    const isSum = show === "count" || show === "bytes";
    return html`<td class="${show}">${isSum ? valueText(sumOf(rows, column), show) : ""}</td>`;
  };
}
