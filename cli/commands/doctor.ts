/** `darkroom doctor`: is everything there that is needed, and if not, what to do. */

import { statfs } from "node:fs/promises";
import type { Command } from "commander";
import { addressText, type Config, settingNames, settingTexts } from "../../core/config.ts";
import { Misconfigured, messageOf, Refused, Unavailable } from "../../core/errors.ts";
import { tables } from "../../core/rows.ts";
import type { Lake } from "../../lake/lake.ts";
import { rawDataset } from "../../loaders/raw/load.ts";
import { isQuotaHigh } from "../../loaders/raw/pace.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { command, execute, type Run } from "../command.ts";
import { version } from "../wiring.ts";

interface Check {
  readonly name: string;
  /** What was found; throws with what to do when it is not in order. */
  readonly look: () => Promise<string>;
}

interface Finding {
  readonly name: string;
  readonly is_ok: boolean;
  readonly detail: string;
}

const leastNode = [20, 19] as const;
const leastFreeBytes = 1e9;

export function doctorCommand(): Command {
  return command("doctor", "check that everything needed is there, and say what to do").action(
    (options: { readonly json?: boolean }) => execute(options, examine),
  );
}

async function examine(run: Run): Promise<boolean> {
  const { platform, output } = run;
  const findings: Finding[] = [];
  const settings = settingTexts(platform.config);
  for (const check of checksOf(run)) findings.push(await examineOne(check));
  output.table(
    ["", "check", "finding"],
    findings.map((one) => [one.is_ok ? "ok" : "!!", one.name, one.detail]),
  );
  output.line();
  output.table(
    ["setting", "value"],
    settingNames.map((name) => [name, settings[name]]),
  );
  output.json({ version, findings, settings });
  return findings.every(({ is_ok }) => is_ok);
}

async function examineOne({ name, look }: Check): Promise<Finding> {
  try {
    return { name, is_ok: true, detail: await look() };
  } catch (error) {
    return { name, is_ok: false, detail: messageOf(error) };
  }
}

function checksOf({ platform }: Run): readonly Check[] {
  const { config, images, events } = platform;
  return [
    { name: "darkroom", look: async () => version },
    { name: "Node.js", look: async () => checkNode(process.versions.node) },
    { name: "image lake", look: () => checkLake(images, config.DARKROOM_IMAGES) },
    { name: "event lake", look: () => checkLake(events, config.DARKROOM_EVENTS) },
    { name: "arrivals", look: async () => waitingText(await platform.arrivals.waiting()) },
    { name: "customers", look: async () => `${(await platform.customers.list()).length} customers` },
    { name: "stream", look: async () => `${await (await platform.stream()).lag()} messages wait` },
    {
      name: "processor",
      look: async () => {
        const { processor } = await platform.worker();
        return `${processor.name} ${processor.version}`;
      },
    },
    {
      name: "warehouse",
      look: async () => `${(await (await platform.warehouse()).relations()).length} tables and views`,
    },
    { name: "load quota", look: async () => checkQuota(await platform.warehouse()) },
  ];
}

function checkNode(found: string): string {
  const [major = 0, minor = 0] = found.split(".").map(Number);
  const isEnough = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  if (isEnough) return found;
  throw new Misconfigured([`${found} is too old: install Node.js ${leastNode.join(".")} or later`]);
}

function waitingText(waiting: number | undefined): string {
  return waiting === undefined
    ? "the service does not count what waits"
    : `${waiting} images wait for a worker`;
}

/** Writes an object, looks for it and removes it. */
async function checkLake(lake: Lake, url: Config["DARKROOM_IMAGES"]): Promise<string> {
  const address = addressText(url);
  const key = `doctor/${process.pid}-${Date.now()}`;
  await lake.create(key, Buffer.from("doctor"));
  const isThere = (await lake.stat(key)) !== undefined;
  if (!isThere) throw new Unavailable(`${address}: an object that was just written is not there`);
  const removal = await remove(lake, key);
  if (url.scheme !== "folder") return `${address} can be written${removal}`;
  const { bavail, bsize } = await statfs(url.location);
  const freeBytes = bavail * bsize;
  if (freeBytes < leastFreeBytes)
    throw new Unavailable(`${url.location}: only ${gigabytes(freeBytes)} free: make room`);
  return `${url.location} can be written, ${gigabytes(freeBytes)} free`;
}

/** A bucket that keeps its objects keeps this one too: that is no fault. */
async function remove(lake: Lake, key: string): Promise<string> {
  try {
    await lake.remove(key);
    return "";
  } catch (error) {
    if (error instanceof Refused) return `; it keeps what is written (${key})`;
    throw error;
  }
}

async function checkQuota(warehouse: Warehouse): Promise<string> {
  const quotas = await Promise.all(
    tables.map(async ({ name }) => ({ name, ...(await warehouse.loadQuota(rawDataset, name)) })),
  );
  const [most] = quotas.sort((one, other) => other.used - one.used);
  if (most === undefined || most.limit === Number.POSITIVE_INFINITY) return "loads are not limited";
  const said = `${most.used} of ${most.limit} loads of ${most.name} used in 24 hours`;
  if (!isQuotaHigh(most)) return said;
  throw new Unavailable(
    `${said}: load less often (DARKROOM_REFRESH_INTERVAL_MS), or set DARKROOM_LOADER_MODE=stream`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
