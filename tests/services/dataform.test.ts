/** What Dataform's own command line does on the BigQuery server that stands in for the real one. */

import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import type { Services } from "../../infra/services/services.ts";
import { bigqueryWarehouse } from "../../warehouse/bigquery.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { dataform, projectFolder } from "./dataform.ts";
import { uniqueSuffix } from "./names.ts";
import { describeWithServices } from "./servers.ts";

const incremental = (rows: string) => `config {
  type: "incremental",
  uniqueKey: ["id"],
  assertions: { uniqueKey: ["id"], nonNull: ["amount"] }
}
select id, amount from unnest([${rows}])`;

const total = `config { type: "table" }
select sum(amount) as total from \${ref("orders")}`;

const unitTest = (expected: number) => `config { type: "test", dataset: "total" }
input "orders" { select 1 as id, 4 as amount union all select 2, 5 }
select ${expected} as total`;

async function project(dataset: string): Promise<(definitions: Record<string, string>) => Promise<string>> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "definitions"));
  // A copy and no link: the command line does not follow one out of the project.
  const core = "node_modules/@dataform/core";
  await cp(join(projectFolder, core), join(folder, core), { recursive: true });
  await writeFile(join(folder, "package.json"), '{"dependencies": {"@dataform/core": "3.0.62"}}');
  await writeFile(
    join(folder, "dataform.json"),
    JSON.stringify({
      warehouse: "bigquery",
      defaultDatabase: "darkroom",
      defaultSchema: dataset,
      assertionSchema: `${dataset}_quality`,
      defaultLocation: "EU",
    }),
  );
  return async (definitions) => {
    for (const [name, text] of Object.entries(definitions)) {
      await writeFile(join(folder, "definitions", `${name}.sqlx`), text);
    }
    return folder;
  };
}

async function amounts(services: Services, database: string, dataset: string) {
  const warehouse = await bigqueryWarehouse({
    project: database,
    location: "EU",
    endpoint: services.of("bigquery").endpoint,
    mode: "load",
    maximumBytesBilled: 1e9,
    clock: systemClock,
    log: silentLog,
  });
  const { rows } = await warehouse.query(`select id, amount from ${dataset}.orders order by id`);
  await warehouse.close();
  return rows;
}

describeWithServices("dataform on the BigQuery server", ["bigquery"], (services) => {
  const database = uniqueSuffix("dataform");

  it("runs a first time, merges the second time, and tells of a failing assertion", async () => {
    const dataset = "shop";
    const define = await project(dataset);
    const first = await define({
      orders: incremental("struct(1 as id, 10 as amount), struct(2 as id, 20 as amount)"),
      total,
    });
    expect(await dataform(services, "run", first, { database })).toMatchObject({ code: 0 });
    const second = await define({
      orders: incremental("struct(2 as id, 25 as amount), struct(3 as id, 30 as amount)"),
    });
    expect(await dataform(services, "run", second, { database })).toMatchObject({ code: 0 });
    expect(await amounts(services, database, dataset)).toEqual([
      { id: 1, amount: 10 },
      { id: 2, amount: 25 },
      { id: 3, amount: 30 },
    ]);
    const broken = await define({
      orders: incremental("struct(4 as id, cast(null as int64) as amount)"),
    });
    const failed = await dataform(services, "run", broken, { database });
    expect(failed.code).toBe(1);
    expect(failed.text).toMatch(/Assertion failed/);
  }, 120_000);

  it("tests models, and ends with 1 when what comes out is not what was expected", async () => {
    const define = await project("shop_test");
    const orders = incremental("struct(1 as id, 10 as amount)");
    const right = await define({ orders, total, total_test: unitTest(9) });
    expect(await dataform(services, "test", right, { database })).toMatchObject({ code: 0 });
    const wrong = await define({ total_test: unitTest(10) });
    expect(await dataform(services, "test", wrong, { database })).toMatchObject({ code: 1 });
  }, 60_000);
});
