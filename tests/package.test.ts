import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const read = (file: string) =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), "utf8"));
const locked: Readonly<Record<string, LockedPackage>> = read("package-lock.json").packages;

describe("package files", () => {
  it("pin exact versions", () => {
    const { dependencies, devDependencies } = read("package.json");
    for (const version of Object.values({ ...dependencies, ...devDependencies }))
      expect(version).toMatch(/^\d/);
  });

  it("lock the packages of every platform, so that npm ci works on each", () => {
    const names = new Set(Object.keys(locked).map((path) => path.split("node_modules/").at(-1)));
    const optional = Object.values(locked).flatMap((one) => Object.keys(one.optionalDependencies ?? {}));
    expect(optional.filter((name) => !names.has(name))).toEqual([]);
  });

  it("name no registry", () => {
    expect(Object.values(locked).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });
});
