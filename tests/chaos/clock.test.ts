import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { jumpingClock } from "../../chaos/clock.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const run = promisify(execFile);
const hourMs = 3_600_000;

/** What a process that follows the clock says. */
async function tell(nodeOptions: string, script: string): Promise<readonly number[]> {
  const { stdout } = await run(process.execPath, ["-e", `console.log(JSON.stringify(${script}))`], {
    env: { PATH: process.env.PATH, NODE_OPTIONS: nodeOptions },
  });
  return JSON.parse(stdout);
}

describe("a jumping clock", () => {
  it("shifts every way to ask for the time, and no other date", async () => {
    const clock = jumpingClock(await temporaryFolder());
    clock.shift(-5 * hourMs);
    const told = await tell(
      clock.nodeOptions,
      "[Date.now(), new Date().getTime(), Date.parse(Date()), new Date(7).getTime(), Date.UTC(1970, 0), new Date() instanceof Date]",
    );
    for (const time of told.slice(0, 3)) {
      expect(Math.abs(Number(time) - (Date.now() - 5 * hourMs))).toBeLessThan(60_000);
    }
    expect(told.slice(3)).toEqual([7, 0, true]);
  });

  it("jumps while a process runs, whose durations stay right", async () => {
    const clock = jumpingClock(await temporaryFolder());
    const script = `await (async () => {
      const pause = (ms) => new Promise((done) => setTimeout(done, ms));
      const [time, started] = [Date.now(), performance.now()];
      process.stderr.write("ready");
      while (Date.now() - time < ${hourMs}) await pause(10);
      return [Date.now() - time, performance.now() - started];
    })()`;
    const child = execFile(
      process.execPath,
      ["--input-type=module", "-e", `console.log(JSON.stringify(${script}))`],
      { env: { PATH: process.env.PATH, NODE_OPTIONS: clock.nodeOptions } },
    );
    let out = "";
    child.stdout?.on("data", (chunk) => {
      out += chunk;
    });
    await new Promise((resolve) => child.stderr?.once("data", resolve));
    clock.shift(2 * hourMs);
    await new Promise((resolve) => child.once("close", resolve));
    const [shifted, elapsed] = JSON.parse(out) as number[];
    expect(shifted).toBeGreaterThanOrEqual(2 * hourMs);
    expect(elapsed).toBeLessThan(30_000);
  });
});
