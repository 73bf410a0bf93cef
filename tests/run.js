/** `npm test`: every check of the project, one after the other; the first line of each says what is checked. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const scratch = mkdtempSync(join(tmpdir(), "darkroom-test-"));
const jest = [
  "--experimental-vm-modules",
  "--disable-warning=ExperimentalWarning",
  "node_modules/jest/bin/jest.js",
];

/** @type {readonly (readonly [name: string, args: readonly string[]])[]} */
const checks = [
  ["types", ["node_modules/typescript/bin/tsc", "--noEmit"]],
  ["lint", ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."]],
  [
    "unit and conformance tests",
    [
      ...jest,
      "--maxWorkers=2",
      "--testPathIgnorePatterns",
      "tests/e2e/",
      "tests/services/",
      ...counted("unit"),
    ],
  ],
  ["dataform compile", ["node_modules/@dataform/cli/bundle.js", "compile", "."]],
  ["tests on real servers", [...jest, "--maxWorkers=2", "tests/services/", ...counted("services")]],
  ["end-to-end tests", [...jest, "--runInBand", "tests/e2e/", ...counted("e2e")]],
];

/**
 * @param {string} name
 * @returns {readonly string[]}
 */
function counted(name) {
  return ["--json", "--outputFile", join(scratch, `${name}.json`)];
}

let passed = 0;
let failed = 0;
for (const [name, args] of checks) {
  const startedMs = performance.now();
  process.stdout.write(`\n── ${name}\n`);
  const { status } = spawnSync(process.execPath, args, { stdio: ["ignore", outputFor(args), "inherit"] });
  const outputFile = args[args.indexOf("--outputFile") + 1];
  const counts = args.includes("--json") && outputFile ? countsOf(outputFile) : undefined;
  const isGood = status === 0;
  passed += counts?.passed ?? (isGood ? 1 : 0);
  failed += counts?.failed || (isGood ? 0 : 1);
  process.stdout.write(
    `── ${name}: ${isGood ? "passed" : "FAILED"} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`,
  );
}
rmSync(scratch, { recursive: true });
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

/**
 * Jest prints its report for people on standard error, and the JSON that is also in the file on standard output.
 * @param {readonly string[]} args
 * @returns {"ignore" | "inherit"}
 */
function outputFor(args) {
  return args.includes("--json") ? "ignore" : "inherit";
}

/**
 * @param {string} file
 * @returns {{passed: number, failed: number} | undefined}
 */
function countsOf(file) {
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(file, "utf8"));
    return { passed: numPassedTests, failed: Math.max(numFailedTests, numFailedTestSuites) };
  } catch {
    return undefined;
  }
}
