import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Which rooms a room may import from, beside itself; includes/ is data that every room may read. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  lake: ["core"],
  loaders: ["lake", "core", "warehouse/warehouse.ts"],
  processor: ["lake", "core"],
  warehouse: ["core"],
  dashboards: ["core", "warehouse/warehouse.ts"],
  cli: ["loaders", "processor", "warehouse", "dashboards", "lake", "core"],
};

/** Packages that stay behind a port, and the only places that may import them. */
const keptBehindPorts: readonly (readonly [packages: RegExp, places: RegExp])[] = [
  [/^sharp$/, /^(processor\/sharp|cli\/demo\/pictures)\.ts$/],
  [/^@duckdb\//, /^warehouse\/duckdb(-[a-z-]+)?\.ts$/],
  [/^@google-cloud\//, /^(lake\/gcs|lake\/pubsub-arrivals|warehouse\/bigquery(-[a-z-]+)?)\.ts$/],
  [/^kafkajs$/, /^loaders\/stream\/kafka(-[a-z-]+)?\.ts$/],
];

/** Adapters are chosen in one place; nobody else may know them. */
const adapters =
  /^(lake\/(folder|memory|gcs|folder-arrivals|memory-arrivals|pubsub-arrivals)|loaders\/stream\/(journal|memory|kafka)|processor\/(sharp|isolated)|warehouse\/(duckdb|bigquery))\.ts$/;

/** The second is the wiring of the processor's own process. */
const wirings = ["cli/adapters.ts", "processor/isolated-child.ts"];

interface Import {
  readonly from: string;
  /** A path from the root, or a package's name. */
  readonly to: string;
}

const files = Object.keys(mayImport).flatMap((room) =>
  readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(room, name)),
);

const imports: readonly Import[] = files.flatMap((from) => {
  const text = readFileSync(join(root, from), "utf8");
  const names = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => String(match[1]));
  return names.map((name) => ({
    from,
    to: name.startsWith(".") ? relative(root, resolve(root, dirname(from), name)) : name,
  }));
});

const isOwn = ({ to }: Import) => /^[a-z]+\/.*\.(ts|js)$/.test(to) && !to.startsWith("node:");
const roomOf = (file: string) => String(file.split("/")[0]);

describe("architecture", () => {
  it("has imports to look at", () => {
    expect(files.length).toBeGreaterThan(50);
    expect(imports.filter(isOwn).length).toBeGreaterThan(100);
  });

  it("imports one way: cli → loaders, processor, warehouse, dashboards → lake → core", () => {
    const wrong = imports.filter(isOwn).filter(({ from, to }) => {
      const room = roomOf(from);
      const allowed = [room, "includes", ...(mayImport[room] ?? [])];
      return !allowed.some((place) => to === place || to.startsWith(`${place}/`));
    });
    expect(wrong).toEqual([]);
  });

  it("keeps packages behind their ports", () => {
    const wrong = imports.filter(({ from, to }) =>
      keptBehindPorts.some(([packages, places]) => packages.test(to) && !places.test(from)),
    );
    expect(wrong).toEqual([]);
  });

  it("imports adapters where things are wired only", () => {
    const wrong = imports.filter(({ from, to }) => adapters.test(to) && !wirings.includes(from));
    expect(wrong).toEqual([]);
  });

  it("reads the environment in core/config.ts only", () => {
    const wrong = files.filter(
      (file) => file !== "core/config.ts" && /process\.env\b/.test(readFileSync(join(root, file), "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  it("throws errors of the three families only", () => {
    const wrong = files.filter((file) => /throw new Error\(/.test(readFileSync(join(root, file), "utf8")));
    expect(wrong).toEqual([]);
  });
});
