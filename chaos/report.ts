/** What a run prints: a line a seed on standard output, and for one that failed what differs and how to repeat it. */

import type { SeedResult } from "./seed.ts";
import type { WorldKind } from "./world.ts";

export interface SeedRun {
  readonly seed: number;
  readonly kind: WorldKind;
  readonly folder: string;
  readonly seconds: number;
}

const mostFindings = 20;

export function printResult({ seed, kind, folder, seconds }: SeedRun, result: SeedResult): void {
  const { findings, submitted, acknowledged, images, injected, ends, parts } = result;
  const verdict = findings.length === 0 ? "ok    " : "FAILED";
  const times = Object.entries(parts).map(([name, value]) => `${name} ${value}`);
  print(
    [
      `seed ${String(seed).padStart(3)} ${kind.padEnd(8)} ${verdict} ${seconds.toFixed(1).padStart(5)} s`,
      `${submitted} sent, ${acknowledged} acknowledged, ${images} images judged`,
      injected.join(", "),
      ...(ends.length === 0 ? [] : [ends.join(", ")]),
      times.join(", "),
    ].join(" | "),
  );
  if (findings.length === 0) return;
  for (const finding of findings.slice(0, mostFindings)) print(`    ${finding}`);
  if (findings.length > mostFindings) print(`    … and ${findings.length - mostFindings} more`);
  print(`    logs, data and the ledger: ${folder}`);
  print(`    repeat: npm run chaos -- --seed ${seed} --world ${kind}`);
}

export function printSummary(run: {
  readonly wanted: number;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
}): void {
  const { wanted, passed, failed, seconds } = run;
  const left = wanted - passed - failed;
  const rest =
    left === 0 ? "" : `; ${left} of ${wanted} were not begun: the time was over, or the run was interrupted`;
  print(`${passed} seeds passed, ${failed} failed in ${Math.round(seconds)} s${rest}`);
}

/** What goes on, for people. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
