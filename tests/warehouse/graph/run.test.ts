import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "@jest/globals";
import { duckdbWarehouse } from "../../../warehouse/duckdb.ts";
import { compileProject } from "../../../warehouse/graph/compile.ts";
import { planOf } from "../../../warehouse/graph/plan.ts";
import { runGraph } from "../../../warehouse/graph/run.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const settings = {
  warehouse: "bigquery",
  defaultDatabase: "p",
  defaultSchema: "d",
  defaultLocation: "EU",
  assertionSchema: "q",
};

const opened: Warehouse[] = [];
afterEach(async () => {
  for (const warehouse of opened.splice(0)) await warehouse.close();
});

async function project(definitions: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "dataform.json"), JSON.stringify(settings));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [name, text] of Object.entries(definitions)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

async function run(definitions: Readonly<Record<string, string>>) {
  const warehouse = await duckdbWarehouse({ path: ":memory:", project: "p" });
  opened.push(warehouse);
  const summary = await runGraph(await compileProject(await project(definitions)), warehouse);
  return {
    warehouse,
    summary,
    outcomes: Object.fromEntries(summary.actions.map((one) => [one.name, one.outcome])),
  };
}

const table = (query: string) => `config { type: "table" }\n${query}`;

describe("graph", () => {
  it("compiles includes, JavaScript definitions and SQLX, and runs what each reads first", async () => {
    const { warehouse, summary } = await run({
      "includes/words.js": "module.exports = { hello: `'hello'` };",
      "definitions/a_last.sqlx": table("select word, length(word) as letters from ${ref('z_first')}"),
      "definitions/z_first.js": "publish('z_first', 'view').query(() => `select ${words.hello} as word`);",
    });
    expect(summary.actions.map(({ name, outcome }) => [name, outcome])).toEqual([
      ["d.z_first", "done"],
      ["d.a_last", "done"],
    ]);
    expect((await warehouse.query("select * from d.a_last")).rows).toEqual([{ word: "hello", letters: 5 }]);
  });

  it("skips what reads a failed action, names it, and does the rest", async () => {
    const { summary, outcomes } = await run({
      "definitions/broken.sqlx": table("select 1 / 0 as x"),
      "definitions/after.sqlx": table("select * from ${ref('broken')}"),
      "definitions/other.sqlx": table("select 1 as x"),
    });
    expect(outcomes).toEqual({ "d.broken": "failed", "d.after": "skipped", "d.other": "done" });
    expect(summary.actions.find(({ name }) => name === "d.after")?.message).toContain("d.broken");
    expect(summary).toMatchObject({ models: 1, modelsFailed: 2 });
  });

  it("leaves the table of a failed action as it was", async () => {
    const { warehouse } = await run({ "definitions/t.sqlx": table("select 1 as x") });
    const broken = await compileProject(await project({ "definitions/t.sqlx": table("select 1 / 0 as x") }));
    expect(await runGraph(broken, warehouse)).toMatchObject({ modelsFailed: 1 });
    expect((await warehouse.query("select x from d.t")).rows).toEqual([{ x: 1 }]);
  });

  it("runs assertions, and shows the rows that offend", async () => {
    const { summary } = await run({
      "definitions/t.sqlx": `config { type: "table", assertions: { uniqueKey: ["x"], nonNull: ["y"] } }
        select 1 as x, cast(null as string) as y union all select 1, 'b'`,
      "definitions/good.sqlx": 'config { type: "assertion" }\nselect x from ${ref("t")} where x > 1',
    });
    const assertions = summary.actions.filter(({ kind }) => kind === "assertion");
    const found = Object.fromEntries(
      assertions.map(({ name, outcome, rows, message }) => [name, { outcome, rows, message }]),
    );
    expect(found["q.good"]).toEqual({ outcome: "done", rows: 0, message: null });
    expect(found["q.d_t_assertions_uniqueKey_0"]).toMatchObject({ outcome: "failed", rows: 1 });
    expect(found["q.d_t_assertions_uniqueKey_0"]?.message).toContain('{"x":1,"index_row_count":2}');
    expect(found["q.d_t_assertions_rowConditions"]).toMatchObject({ outcome: "failed", rows: 1 });
    expect(summary).toMatchObject({ assertions: 3, assertionsFailed: 2 });
  });

  it("replaces a table by a view and a view by a table", async () => {
    const { warehouse } = await run({ "definitions/t.sqlx": table("select 1 as x") });
    for (const [type, x] of [
      ["view", 2],
      ["table", 3],
    ] as const) {
      const next = await compileProject(
        await project({ "definitions/t.sqlx": `config { type: "${type}" }\nselect ${x} as x` }),
      );
      expect(await runGraph(next, warehouse)).toMatchObject({ modelsFailed: 0 });
      expect((await warehouse.query("select x from d.t")).rows).toEqual([{ x }]);
    }
  });

  it.each([
    [
      "a cycle",
      {
        "definitions/a.sqlx": table("select * from ${ref('b')}"),
        "definitions/b.sqlx": table("select * from ${ref('a')}"),
      },
      /circular/i,
    ],
    ["a reference to nothing", { "definitions/a.sqlx": table("select * from ${ref('nothing')}") }, /nothing/],
    [
      "two of one name",
      { "definitions/a.sqlx": table("select 1 as x"), "definitions/b/a.sqlx": table("select 2 as x") },
      /a/,
    ],
    ["a syntax error in JavaScript", { "definitions/a.js": "publish(" }, /a\.js/],
    [
      "a key that config does not know",
      { "definitions/a.sqlx": 'config { type: "table", colour: "red" }\nselect 1 as x' },
      /colour/,
    ],
  ])("does not run %s, and says where it is", async (_what, definitions, message) => {
    const planned = async () => planOf(await compileProject(await project(definitions)));
    await expect(planned()).rejects.toMatchObject({
      name: "Misconfigured",
      message: expect.stringMatching(message),
    });
  });

  it("refuses by name what the local warehouse does not prove", async () => {
    const { summary } = await run({ "definitions/a.sqlx": table("select st_geogpoint(1, 2) as place") });
    expect(summary.actions[0]).toMatchObject({
      outcome: "failed",
      message: expect.stringMatching(/st_geogpoint/i),
    });
  });

  it("says when a folder is no project", async () => {
    await expect(compileProject(await temporaryFolder())).rejects.toMatchObject({ name: "Misconfigured" });
  });

  it("gives the project of this repository in full", async () => {
    const graph = await compileProject(root);
    expect(planOf(graph).length).toBe((graph.tables?.length ?? 0) + (graph.assertions?.length ?? 0));
    expect(graph.declarations).toHaveLength(6);
  });
});
