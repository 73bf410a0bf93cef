/** `darkroom doctor`: is everything there that is needed, and if not, what to do. */

import { statfs } from "node:fs/promises";
import type { Command } from "commander";
import { settingNames } from "../../core/config.ts";
import { Misconfigured, messageOf, Unavailable } from "../../core/errors.ts";
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
  for (const check of checksOf(run)) findings.push(await examineOne(check));
  output.table(
    ["", "check", "finding"],
    findings.map((one) => [one.is_ok ? "ok" : "!!", one.name, one.detail]),
  );
  output.line();
  output.table(
    ["setting", "value"],
    settingNames.map((name) => [name, settingText(platform.config[name])]),
  );
  output.json({ version, findings, settings: platform.config });
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
    { name: "image lake", look: () => checkLake(images, config.DARKROOM_IMAGES.location) },
    { name: "event lake", look: () => checkLake(events, config.DARKROOM_EVENTS.location) },
    { name: "arrivals", look: async () => `${await platform.arrivals.waiting()} images wait for a worker` },
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
  ];
}

function checkNode(found: string): string {
  const [major = 0, minor = 0] = found.split(".").map(Number);
  const isEnough = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  if (isEnough) return found;
  throw new Misconfigured([`${found} is too old: install Node.js ${leastNode.join(".")} or later`]);
}

/** Writes an object, looks for it and removes it. */
async function checkLake(lake: Run["platform"]["images"], location: string): Promise<string> {
  const key = `doctor/${process.pid}-${Date.now()}`;
  await lake.create(key, Buffer.from("doctor"));
  const isThere = (await lake.stat(key)) !== undefined;
  await lake.remove(key);
  const { bavail, bsize } = await statfs(location);
  const freeBytes = bavail * bsize;
  if (!isThere) throw new Unavailable(`${location}: an object that was just written is not there`);
  if (freeBytes < leastFreeBytes)
    throw new Unavailable(`${location}: only ${gigabytes(freeBytes)} free: make room`);
  return `${location} can be written, ${gigabytes(freeBytes)} free`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function settingText(value: unknown): string {
  if (typeof value !== "object" || value === null || !("scheme" in value) || !("location" in value))
    return String(value);
  return `${value.scheme}:${value.location}`;
}
