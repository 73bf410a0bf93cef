/** Runs the recorded answers of the real BigQuery through the adapter, when they lie beside the repository. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";

const FOLDER = "../shared/bigquery-answers";
/** How many are right today; a change may raise it and never lower it. */
const RIGHT = 484;

describe("recorded BigQuery answers", () => {
  it("are given right or refused, never otherwise", () => {
    if (!existsSync(FOLDER)) {
      console.log("skipped: recorded BigQuery answers (put them at ../shared/bigquery-answers)");
      expect(process.env.CI).not.toBe("true");
      return;
    }
    const counts = runAnswers();
    console.log(
      `BigQuery answers: right ${counts.right}, wrong ${counts.wrong}, refused ${counts.refused}, error ${counts.error}`,
    );
    expect(counts).toMatchObject({ wrong: 0, error: 0 });
    expect(counts.right).toBeGreaterThanOrEqual(RIGHT);
  }, 60_000);
});

function runAnswers() {
  const program = [
    "node_modules/tsx/dist/cli.mjs",
    `${FOLDER}/run.mjs`,
    "--answers",
    `${FOLDER}/answers.ndjson.gz`,
  ];
  const engine = ["--engine", "tests/warehouse/dialect/answers-engine.ts", "--verbose", "wrong,error"];
  const { stdout, stderr } = spawnSync(process.execPath, [...program, ...engine], { encoding: "utf8" });
  const summary = /fixtures \d+: (\{.*\})/.exec(stdout)?.[1];
  if (summary === undefined)
    throw new Error(`The runner gave no summary: ${stdout.slice(-500)}${stderr.slice(-500)}`);
  const count = (word: string): number => Number(new RegExp(`${word}: (\\d+)`).exec(summary)?.[1] ?? 0);
  const listed = stdout.split("\n").filter((line) => /^(WRONG|ERROR) /.test(line));
  if (listed.length > 0) console.log(listed.join("\n"));
  return { right: count("match"), wrong: count("wrong"), refused: count("refused"), error: count("error") };
}
