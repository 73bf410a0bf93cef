import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import fastify from "fastify";
import { Refused } from "../../core/errors.ts";
import { type DashboardOptions, dashboardRoutes } from "../../dashboards/web/dashboard.ts";
import type { QueryResult } from "../../warehouse/warehouse.ts";
import { customerRow, resultOf, typeRow } from "./rows.ts";

const customer = customerRow("a", "Aurora <Prints>", 1200, 3);

async function answerQuery(sql: string): Promise<QueryResult> {
  return resultOf(sql.includes("rpt_images_by_customer") ? [customer] : [typeRow("png", "PNG", customer)]);
}

async function serve<T>(options: Partial<DashboardOptions>, use: (url: string) => Promise<T>): Promise<T> {
  const app = fastify();
  const refreshedAt = () => new Date("2026-01-31T10:00:00Z");
  await app.register(dashboardRoutes({ query: answerQuery, project: "lab", refreshedAt, ...options }));
  try {
    return await use(await app.listen({ host: "127.0.0.1", port: 0 }));
  } finally {
    await app.close();
  }
}

function get(path: string, options: Partial<DashboardOptions> = {}) {
  return serve(options, async (url) => {
    const answer = await fetch(url + path);
    const headers = Object.fromEntries(answer.headers);
    return { statusCode: answer.status, headers, body: await answer.text() };
  });
}

describe("the dashboard", () => {
  it("is a whole page under a strict policy", async () => {
    const { statusCode, headers, body } = await get("/dashboard");
    expect(statusCode).toBe(200);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'/);
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(body).toContain("Aurora &lt;Prints&gt;");
    expect(body).toContain("1,200");
  });

  it("asks by plain selects from the reporting views, one a view", async () => {
    const asked: string[] = [];
    await get("/dashboard", {
      query: (sql) => {
        asked.push(sql);
        return answerQuery(sql);
      },
    });
    expect(asked).toHaveLength(2);
    for (const sql of asked) {
      expect(sql).toMatch(/^select [a-z_, ]+ from `lab\.reporting\.rpt_[a-z_]+` order by [a-z_, ]+$/);
    }
  });

  it("gives the rows behind each tile with BigQuery's type names", async () => {
    const { headers, body } = await get("/dashboard/data.json");
    expect(headers["content-type"]).toMatch(/^application\/json/);
    const { refreshed_at, error, tiles } = JSON.parse(body);
    expect([refreshed_at, error]).toEqual(["2026-01-31T10:00:00.000Z", null]);
    expect(tiles[1]).toEqual({
      id: "by-customer",
      title: "By customer",
      table: "lab.reporting.rpt_images_by_customer",
      schema: ["customer_name", "images_processed", "images_rejected", "images_failed", "images_pending"].map(
        (name) => ({ name, type: name === "customer_name" ? "STRING" : "INTEGER", mode: "NULLABLE" }),
      ),
      rows: [
        {
          customer_name: "Aurora <Prints>",
          images_processed: 1197,
          images_rejected: 3,
          images_failed: 0,
          images_pending: 0,
        },
      ],
    });
  });

  it("says that the models have not run when the views are not there", async () => {
    const query = async () => {
      throw new Refused("sql_failed", "Catalog Error: rpt_images_by_customer does not exist!", "a table");
    };
    const { statusCode, body } = await get("/dashboard", { query });
    expect(statusCode).toBe(200);
    expect(body).toContain("darkroom refresh");
    const data = await get("/dashboard/data.json", { query });
    expect(data.statusCode).toBe(503);
    expect(JSON.parse(data.body).error).toBe("the models have not run yet: darkroom refresh");
  });

  it("says escaped what else went wrong", async () => {
    const query = async () => {
      throw new Refused("sql_failed", "no <disk>", "a disk");
    };
    const { statusCode, body } = await get("/dashboard", { query });
    expect(statusCode).toBe(503);
    expect(body).toContain("no &lt;disk&gt;");
  });

  it("reads once for requests that come together, and again later", async () => {
    let reads = 0;
    const query = async (sql: string) => {
      reads += 1;
      await setTimeout(200);
      return answerQuery(sql);
    };
    await serve({ query }, async (url) => {
      await Promise.all([fetch(`${url}/dashboard`), fetch(`${url}/dashboard`)]);
      expect(reads).toBe(2);
      await fetch(`${url}/dashboard`);
      expect(reads).toBe(4);
    });
  });

  it("serves its script and style sheet", async () => {
    expect((await get("/dashboard/page.js")).headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect((await get("/dashboard/page.css")).headers["content-type"]).toBe("text/css; charset=utf-8");
  });
});
