import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readConfig, settingNames, settingTexts } from "../core/config.ts";
import { tables } from "../core/rows.ts";
import { duckdbWarehouse } from "../warehouse/duckdb.ts";
import { compileProject } from "../warehouse/graph/compile.ts";
import { runGraph } from "../warehouse/graph/run.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");
/** Tables are padded for the eye. */
const readUnpadded = (file: string) => read(file).replaceAll(/ +/g, " ");

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

const queries = pages.flatMap((page) =>
  [...read(page).matchAll(/darkroom query '([^']+)'/g)].map((match) => [page, String(match[1])] as const),
);

describe("documentation", () => {
  it("lists every setting with its default", () => {
    const page = readUnpadded("docs/reference/settings.md");
    for (const [name, text] of Object.entries(settingTexts(readConfig({})))) {
      expect(page).toContain(`| \`${name}\` | ${text === "" ? "" : `\`${text}\` `}|`);
    }
    expect([...page.matchAll(/^\| `DARKROOM_/gm)]).toHaveLength(settingNames.length);
  });

  it("has a line for every dependency", () => {
    const { dependencies, devDependencies } = JSON.parse(read("package.json"));
    const page = readUnpadded("docs/reference/dependencies.md");
    const names = [...page.matchAll(/^\| (@?[a-z][\w./-]*) \|/gm)].map((match) => match[1]);
    expect(names.filter((name) => name !== "package").sort()).toEqual(
      Object.keys({ ...dependencies, ...devDependencies }).sort(),
    );
  });

  it.each(pages)("links to what is there: %s", (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => String(match[1]));
    const missing = links.filter((link) => !existsSync(join(root, dirname(page), link)));
    expect(missing).toEqual([]);
  });

  it("names only commands that there are", () => {
    const known = new Set(readdirSync(join(root, "cli/commands")).map((file) => file.replace(".ts", "")));
    const shell = pages.flatMap((page) =>
      [...read(page).matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => String(match[1])),
    );
    const named = shell.flatMap((lines) =>
      [...lines.matchAll(/^\s*(?:npx )?darkroom ([a-z]+)/gm)].map((match) => String(match[1])),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  describe("queries", () => {
    let warehouse: Warehouse;
    beforeAll(async () => {
      warehouse = await duckdbWarehouse({ path: ":memory:", project: "darkroom" });
      await warehouse.ensureTables("raw", tables);
      await runGraph(await compileProject(root), warehouse);
    });
    afterAll(() => warehouse.close());

    it.each(queries)("of %s are answered: %s", async (_page, sql) => {
      expect((await warehouse.query(sql)).schema.length).toBeGreaterThan(0);
    });
  });
});
