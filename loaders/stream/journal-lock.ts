/**
 * The right to write to one partition: one process of a machine at a time, held for one group commit, safe against kill -9.
 *
 * A claim is a file with a number for its name and its holder in it; the highest number is the one that counts. A claim is
 * made by linking a finished file to the next number, which the file system grants to one process only, and is given
 * back by emptying it. It is over when it is empty or its holder's process is dead, and then whoever links the next
 * number has it. Nothing that counts is ever removed, so there is no moment in which two takeovers could cross (the flaw
 * of "remove the stale lock, then create mine"). Lower numbers are swept by later holders.
 *
 * A holder is a process id with the process's start time, as ids are used again, above all in containers. Without /proc
 * only the id is compared. Containers that share a folder but not their process ids cannot see each other: give
 * each its own root.
 */

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { hasCode, messageOf, Unavailable } from "../../core/errors.ts";

const pollMs = 2;

/** Runs `work` while no other process, and no other caller in this one, writes to the partition. @throws Unavailable after `timeoutMs` */
export async function asOnlyWriter<T>(folder: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const release = await claim(folder, timeoutMs);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function claim(folder: string, timeoutMs: number): Promise<() => Promise<void>> {
  const draft = join(folder, `draft-${process.pid}-${randomUUID()}`);
  const file = await open(draft, "wx");
  try {
    await file.writeFile(`${process.pid} ${startOf(process.pid) ?? ""}`);
    const mine = await linkNext(folder, draft, timeoutMs);
    await sweep(folder, mine);
  } catch (error) {
    await file.close();
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return async () => {
    await file.truncate(0);
    await file.close();
  };
}

async function linkNext(folder: string, draft: string, timeoutMs: number): Promise<number> {
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    const highest = await highestClaim(folder);
    const holder = highest === 0 ? "" : await readClaim(join(folder, String(highest)));
    if (holder === "" || (holder !== undefined && !isAlive(holder))) {
      const mine = highest + 1;
      if (await linked(draft, join(folder, String(mine)))) {
        // A slow process may get a number that was already swept; then a higher one exists, and that one counts.
        if ((await highestClaim(folder)) === mine) return mine;
        await rm(join(folder, String(mine)), { force: true });
      }
    }
    if (waitedMs >= timeoutMs)
      throw new Unavailable(`${folder} is held by process ${holder} for over ${timeoutMs} ms`);
    await pause(pollMs);
  }
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw new Unavailable(`${path} cannot be claimed: ${messageOf(error)}`, { cause: error });
  }
}

async function highestClaim(folder: string): Promise<number> {
  const numbers = (await readdir(folder)).filter((name) => /^\d+$/.test(name)).map(Number);
  return Math.max(0, ...numbers);
}

/** Who holds the claim: empty when it was given back, undefined when it is gone. */
async function readClaim(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Removes what no longer counts. The claim before mine stays, so that a listing that runs meanwhile meets one of the two. */
async function sweep(folder: string, mine: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const old = /^\d+$/.test(name) && Number(name) < mine - 1;
    const left = /^draft-(\d+)-/.exec(name)?.[1];
    const abandoned = left !== undefined && startOf(Number(left)) === undefined;
    if (old || abandoned) await rm(join(folder, name), { force: true });
  }
}

function isAlive(holder: string): boolean {
  const [id = "", start = ""] = holder.split(" ");
  const now = startOf(Number(id));
  return now === start || now === "" || (now !== undefined && start === "");
}

/** When the process began, in the kernel's ticks; empty when it lives but that is not told; undefined when it is dead. */
function startOf(processId: number): string | undefined {
  try {
    process.kill(processId, 0);
  } catch (error) {
    if (!hasCode(error, "EPERM")) return undefined;
  }
  if (process.platform !== "linux") return "";
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, "utf8");
    // The second field is the program's name in brackets, with any bytes in it; the fields that count come after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : (fields[19] ?? "");
  } catch {
    return ""; // Hidden from this user, or just gone; the next look tells.
  }
}
