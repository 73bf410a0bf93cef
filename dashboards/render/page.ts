/** The report as one page that is complete without JavaScript. */

import type { QueryResult } from "../../warehouse/warehouse.ts";
import type { Report } from "../report.ts";
import { type Html, html, nothing } from "./html.ts";
import { renderTile } from "./tile.ts";

/** The rows of each source, by alias; or why there are none. */
export type Answer =
  | { readonly kind: "rows"; readonly results: ReadonlyMap<string, QueryResult> }
  | { readonly kind: "not modelled" }
  | { readonly kind: "unreadable"; readonly message: string };

export interface PageOptions {
  readonly report: Report;
  readonly answer: Answer;
  /** When the models last ran; undefined when that was before this server started. */
  readonly refreshedAt: Date | undefined;
}

export function renderPage(options: PageOptions): string {
  const { report, answer, refreshedAt } = options;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${report.title} – darkroom</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/dashboard/page.css">
<script src="/dashboard/page.js" type="module"></script>
</head>
<body>
<header>
<p class="brand">darkroom</p>
<h1>${report.title}</h1>
<p class="age"><span id="age">${answer.kind === "not modelled" ? nothing : ageOf(refreshedAt)}</span> <span id="connection" role="status"></span></p>
</header>
<main id="content">
${contentOf(options)}
</main>
<footer><a href="/dashboard/data.json">The rows behind this page</a> as JSON.</footer>
</body>
</html>
`.markup;
}

function ageOf(refreshedAt: Date | undefined): Html {
  if (refreshedAt === undefined) return html`As of the latest run of the models.`;
  const time = refreshedAt.toISOString();
  return html`Data of <time datetime="${time}">${time.slice(0, 19).replace("T", " ")} UTC</time>`;
}

function contentOf({ report, answer }: PageOptions): Html {
  switch (answer.kind) {
    case "not modelled":
      return notice(
        html`The models have not run yet: <code>darkroom refresh</code>`,
        html`It loads what was received and makes the tables that this page shows.`,
      );
    case "unreadable":
      return notice(html`The numbers could not be read just now.`, html`${answer.message}`);
    case "rows":
      return tilesOf(report, answer.results);
  }
}

function tilesOf(report: Report, results: ReadonlyMap<string, QueryResult>): Html {
  const empty = { schema: [], rows: [], bytesBilled: 0 };
  const of = (source: string) => results.get(source) ?? empty;
  if (report.tiles.every(({ source }) => of(source).rows.length === 0)) {
    return notice(
      html`No images yet: send some.`,
      html`Drop pictures on <a href="/">the upload page</a>, or run <code>darkroom ingest</code> with a folder. They show here once the models have run again.`,
    );
  }
  return html`${report.tiles.map((tile) => renderTile(tile, of(tile.source)))}`;
}

function notice(what: Html, hint: Html): Html {
  return html`<section class="notice"><h2>${what}</h2><p>${hint}</p></section>`;
}
