/** The dashboard over HTTP: the report as a page, and the rows behind it. */

import { readFile } from "node:fs/promises";
import type { FastifyPluginAsync } from "fastify";
import { messageOf } from "../../core/errors.ts";
import type { QueryResult } from "../../warehouse/warehouse.ts";
import type { Answer } from "../render/page.ts";
import { report, type Source, type Tile } from "../report.ts";

export interface DashboardOptions {
  /** Answers a query in BigQuery's dialect. */
  readonly query: (sql: string) => Promise<QueryResult>;
  /** The project that holds the reporting dataset. */
  readonly project: string;
  /** When the models last ran, as far as this process knows. */
  readonly refreshedAt: () => Date | undefined;
}

/** Everything that the page loads is this server's own, and nothing may stand inside it. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const files = { "page.js": "text/javascript", "page.css": "text/css" } as const;

/** What warehouses say of a view that does not exist (BigQuery: not found; DuckDB: does not exist). */
const missingRelation = /not found|does not exist/i;

/** With the first page: what draws the charts is hundreds of modules, and most processes show none. */
const loadPage = () => import("../render/page.ts");

export function dashboardRoutes(options: DashboardOptions): FastifyPluginAsync {
  const read = sharing(() => readSources(options));
  return async (app) => {
    const hidden = { schema: { hide: true } };
    app.addHook("onSend", async (_request, reply) => {
      reply.headers({
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
      });
    });

    app.get("/dashboard", hidden, async (_request, reply) => {
      const refreshedAt = options.refreshedAt();
      const [answer, { renderPage }] = await Promise.all([read(), loadPage()]);
      return reply
        .status(answer.kind === "unreadable" ? 503 : 200)
        .type("text/html; charset=utf-8")
        .send(renderPage({ report, answer, refreshedAt }));
    });

    app.get("/dashboard/data.json", hidden, async (_request, reply) => {
      const refreshedAt = options.refreshedAt()?.toISOString() ?? null;
      const answer = await read();
      const error = errorOf(answer);
      return reply.status(error === null ? 200 : 503).send({
        title: report.title,
        refreshed_at: refreshedAt,
        error,
        tiles: dataOf(answer, options.project),
      });
    });

    for (const [name, type] of Object.entries(files)) {
      const content = await readFile(new URL(name, import.meta.url));
      app.get(`/dashboard/${name}`, hidden, async (_request, reply) =>
        reply.type(`${type}; charset=utf-8`).send(content),
      );
    }
  };
}

/** Requests that come while an answer is being read get that answer: many open pages cost one reading. */
function sharing<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
}

async function readSources({ query, project }: DashboardOptions): Promise<Answer> {
  try {
    const results = new Map<string, QueryResult>();
    for (const source of report.sources) results.set(source.alias, await query(sqlOf(source, project)));
    return { kind: "rows", results };
  } catch (error) {
    const message = messageOf(error);
    return missingRelation.test(message) ? { kind: "not modelled" } : { kind: "unreadable", message };
  }
}

function sqlOf({ columns, dataset, table, orderBy }: Source, project: string): string {
  return `select ${columns.join(", ")} from \`${project}.${dataset}.${table}\` order by ${orderBy}`;
}

function errorOf(answer: Answer): string | null {
  switch (answer.kind) {
    case "rows":
      return null;
    case "not modelled":
      return "the models have not run yet: darkroom refresh";
    case "unreadable":
      return answer.message;
  }
}

/** Each tile with the columns that it uses and their types, and every row of them. */
function dataOf(answer: Answer, project: string) {
  if (answer.kind !== "rows") return [];
  return report.tiles.map((tile) => {
    const source = report.sources.find(({ alias }) => alias === tile.source);
    const result = answer.results.get(tile.source) ?? { schema: [], rows: [] };
    const used = columnsOf(tile);
    return {
      id: tile.id,
      title: tile.title,
      table: source === undefined ? null : `${project}.${source.dataset}.${source.table}`,
      schema: result.schema.filter(({ name }) => used.has(name)),
      rows: result.rows.map((row) =>
        Object.fromEntries(Object.entries(row).filter(([name]) => used.has(name))),
      ),
    };
  });
}

function columnsOf(tile: Tile): ReadonlySet<string> {
  switch (tile.kind) {
    case "numbers":
      return new Set(tile.measures.map(({ column }) => column));
    case "table":
      return new Set(tile.columns.map(({ column }) => column));
    case "bars":
      return new Set([
        tile.category,
        ...(tile.stack.by === "measures"
          ? tile.stack.measures.map(({ column }) => column)
          : [tile.stack.column, tile.stack.measure]),
      ]);
  }
}
