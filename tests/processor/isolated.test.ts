import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { isolatedProcessor } from "../../processor/isolated.ts";
import { standardRecipe } from "../../processor/recipe.ts";
import { sharpProcessor } from "../../processor/sharp.ts";
import { picture } from "../pictures.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const options = { maxPixels: 1_000_000, timeoutMs: 10_000 };

/** A child that ends in mid-work when it is told so by the first byte, and answers nothing to the second kind. */
const mortal = `
process.on("disconnect", () => process.exit(0));
process.on("message", ({ id, original }) => {
  if (original[0] === 1) process.kill(process.pid, "SIGKILL");
  else if (original[0] === 4) process.send({ kind: "developed", id, developed: { facts: { format: String(process.pid) }, renditions: [] } });
  else if (original[0] === 3) process.send({ kind: "developed", id, developed: { facts: {}, renditions: [] } });
});
process.send({ kind: "ready", name: "mortal", version: "1" });
`;

async function mortalProcessor(timeoutMs = 60_000) {
  const script = join(await temporaryFolder(), "mortal.mjs");
  await writeFile(script, mortal);
  return isolatedProcessor({ ...options, timeoutMs, script });
}

describe("isolated processor", () => {
  it("gives what the processor in this process gives", async () => {
    const isolated = await isolatedProcessor(options);
    const direct = sharpProcessor(options);
    const bytes = await picture(1, { width: 300, height: 200 });
    expect(await isolated.process(bytes, standardRecipe)).toEqual(
      await direct.process(bytes, standardRecipe),
    );
    expect([isolated.name, isolated.version]).toEqual([direct.name, direct.version]);
  });

  it("passes refusals on", async () => {
    const isolated = await isolatedProcessor(options);
    await expect(isolated.process(Buffer.from("text"), standardRecipe)).rejects.toMatchObject({
      name: "Refused",
      reason: "type_not_allowed",
      expected: expect.stringContaining("JPEG"),
    });
  });

  it("says Unavailable for all that a dying child had, and goes on with a new one", async () => {
    const isolated = await mortalProcessor();
    const waiting = isolated.process(Buffer.from([2]), standardRecipe);
    const deadly = isolated.process(Buffer.from([1]), standardRecipe);
    for (const lost of [waiting, deadly]) {
      await expect(lost).rejects.toMatchObject({
        name: "Unavailable",
        message: expect.stringContaining("SIGKILL"),
      });
    }
    expect(await isolated.process(Buffer.from([3]), standardRecipe)).toEqual({ facts: {}, renditions: [] });
  });

  it("starts one new child, however many images wait for it", async () => {
    const isolated = await mortalProcessor();
    await expect(isolated.process(Buffer.from([1]), standardRecipe)).rejects.toMatchObject({
      name: "Unavailable",
    });
    const pids = await Promise.all([4, 4, 4].map(() => isolated.process(Buffer.from([4]), standardRecipe)));
    expect(new Set(pids.map(({ facts }) => facts.format)).size).toBe(1);
  });

  it("ends a child that says nothing", async () => {
    const isolated = await mortalProcessor(-9_900);
    await expect(isolated.process(Buffer.from([2]), standardRecipe)).rejects.toMatchObject({
      name: "Unavailable",
    });
  });
});
