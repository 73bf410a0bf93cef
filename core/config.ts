/** The one reader of the environment: every setting, checked at once, as one frozen object. */

import { z } from "zod";
import { Misconfigured } from "./errors.ts";

/** An adapter's address, for example `folder:.darkroom/images` → scheme `folder`, location `.darkroom/images`. */
export interface AdapterUrl<Scheme extends string> {
  readonly scheme: Scheme;
  readonly location: string;
}

const mebibyte = 1024 * 1024;

const settings = {
  DARKROOM_IMAGES: located(adapterUrl("folder")).prefault("folder:.darkroom/images"),
  DARKROOM_EVENTS: located(adapterUrl("folder")).prefault("folder:.darkroom/events"),
  DARKROOM_ARRIVALS: adapterUrl("folder").prefault("folder:"),
  DARKROOM_STREAM: located(adapterUrl("journal")).prefault("journal:.darkroom/stream"),
  DARKROOM_WAREHOUSE: located(adapterUrl("duckdb")).prefault("duckdb:.darkroom/warehouse.duckdb"),
  DARKROOM_PROCESSOR: adapterUrl("sharp").prefault("sharp:"),
  DARKROOM_HOST: z.string().min(1).prefault("127.0.0.1"),
  DARKROOM_PORT: whole(0, 65_535).prefault("8080"),
  DARKROOM_DASHBOARD: z.enum(["on", "off", "auto"], "write on, off or auto").prefault("auto"),
  DARKROOM_LOG_LEVEL: z
    .enum(["debug", "info", "warn", "error", "silent"], "write debug, info, warn, error or silent")
    .prefault("info"),
  DARKROOM_MAX_IMAGE_BYTES: whole(1, 1024 * mebibyte).prefault(String(50 * mebibyte)),
  DARKROOM_MAX_IMAGE_PIXELS: whole(1, 1_000_000_000).prefault("100000000"),
  DARKROOM_MAX_WAITING_IMAGES: whole(1, 10_000_000).prefault("100000"),
  DARKROOM_BUFFER_BYTES: whole(mebibyte, 4096 * mebibyte).prefault(String(128 * mebibyte)),
  DARKROOM_WORKER_CONCURRENCY: z
    .union([z.literal("auto"), whole(1, 256)], "write auto, or a whole number from 1 to 256")
    .prefault("auto"),
  DARKROOM_WORKER_ATTEMPTS: whole(1, 100).prefault("5"),
  DARKROOM_PROCESS_TIMEOUT_MS: whole(100, 3_600_000).prefault("30000"),
  DARKROOM_SEGMENT_ROWS: whole(1, 1_000_000).prefault("5000"),
  DARKROOM_SEGMENT_BYTES: whole(1024, 1024 * mebibyte).prefault(String(8 * mebibyte)),
  DARKROOM_SEGMENT_AGE_MS: whole(1, 3_600_000).prefault("1000"),
  DARKROOM_REFRESH_INTERVAL_MS: whole(100, 86_400_000).prefault("10000"),
} as const;

const schema = z.strictObject(settings);

/** Every setting by its environment variable's name; `DARKROOM_PORT` is `config.DARKROOM_PORT`. */
export type Config = Readonly<z.output<typeof schema>>;

/** Names of all settings, for help and docs. */
export const settingNames = Object.keys(settings) as readonly (keyof Config)[];

/**
 * Reads the settings from the environment. Throws `Misconfigured` with every problem at once: values that do not fit, and
 * `DARKROOM_` names that are not settings.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name.startsWith("DARKROOM_") && value !== ""),
  );
  const result = schema.safeParse(given);
  if (result.success) return Object.freeze(result.data);
  throw new Misconfigured(result.error.issues.flatMap((issue) => problemsOf(issue, given)));
}

/** This process's environment and what is added to it, for a child process. */
export function childEnvironment(
  added: Readonly<Record<string, string>>,
): Readonly<Record<string, string | undefined>> {
  return { ...process.env, ...added };
}

function problemsOf(issue: z.core.$ZodIssue, given: Readonly<Record<string, unknown>>): readonly string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => `${name} is not a setting; ${nearest(name)}`);
  }
  const name = String(issue.path[0]);
  return [`${name} is ${JSON.stringify(given[name])}: ${issue.message}`];
}

function nearest(name: string): string {
  const words = new Set(name.split("_").slice(1));
  const alike = settingNames.filter(
    (known) => known.split("_").some((word) => words.has(word)) || near(name, known),
  );
  return `did you mean ${(alike.length > 0 ? alike : settingNames).join(" or ")}?`;
}

/** The same letters in any order: catches swapped and forgotten letters well enough for a hint. */
function near(left: string, right: string): boolean {
  const letters = new Set(left);
  return Math.abs(left.length - right.length) <= 1 && [...right].every((letter) => letters.has(letter));
}

function adapterUrl<const Schemes extends readonly string[]>(...schemes: Schemes) {
  const expected = `write one of ${schemes.map((scheme) => `${scheme}:…`).join(", ")}`;
  return z.string().transform((value, context): AdapterUrl<Schemes[number]> => {
    const colon = value.indexOf(":");
    const scheme = value.slice(0, Math.max(colon, 0));
    if (!schemes.includes(scheme)) {
      context.addIssue({ code: "custom", message: expected });
      return z.NEVER;
    }
    return Object.freeze({ scheme, location: value.slice(colon + 1) });
  });
}

/** For adapters that must be told where. */
function located<Url extends AdapterUrl<string>>(url: z.ZodType<Url, string>) {
  return url.refine(({ location }) => location !== "", "write a path after the colon");
}

function whole(least: number, most: number) {
  const expected = `write a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= least && value <= most, expected);
}
