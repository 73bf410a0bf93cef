import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { asOnlyWriter } from "../../../loaders/stream/journal-lock.ts";

describe("the right to write", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "darkroom-lock-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is held by one at a time, and leaves next to nothing behind", async () => {
    let holders = 0;
    let most = 0;
    const turn = (): Promise<void> =>
      asOnlyWriter(folder, 5_000, async () => {
        holders += 1;
        most = Math.max(most, holders);
        await pause(1);
        holders -= 1;
      });
    await Promise.all(Array.from({ length: 30 }, turn));
    expect(most).toBe(1);
    expect((await readdir(folder)).length).toBeLessThanOrEqual(2);
  });

  it("is given back when the work fails", async () => {
    const failing = asOnlyWriter(folder, 1_000, () => Promise.reject(new TypeError("disk")));
    await expect(failing).rejects.toThrow("disk");
    expect(await asOnlyWriter(folder, 1_000, async () => "mine")).toBe("mine");
  });

  it("is taken over from a process that was killed, by one only", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    await once(child, "spawn");
    await writeFile(join(folder, "7"), `${child.pid} `);
    const early = asOnlyWriter(folder, 30, async () => "early");
    await expect(early).rejects.toThrow(new RegExp(`held by process ${child.pid}`));
    child.kill("SIGKILL");
    await once(child, "exit");
    let holders = 0;
    const turn = (): Promise<number> =>
      asOnlyWriter(folder, 2_000, async () => {
        holders += 1;
        await pause(2);
        return holders--;
      });
    expect(await Promise.all(Array.from({ length: 8 }, turn))).toEqual(Array(8).fill(1));
  });

  it("is not kept by an older process that had the same id", async () => {
    if (process.platform !== "linux") return;
    await writeFile(join(folder, "3"), `${process.pid} 1`);
    expect(await asOnlyWriter(folder, 100, async () => "mine")).toBe("mine");
  });
});
