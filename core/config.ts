/** The one reader of the environment: every setting, checked at once, as one frozen object. */

import { z } from "zod";
import { Misconfigured } from "./errors.ts";

/**
 * An adapter's address: `folder:.darkroom/images` → scheme `folder`, location `.darkroom/images`;
 * `gs://BUCKET?endpoint=E` → scheme `gs`, location `BUCKET`, parameters `{ endpoint: "E" }`.
 */
export interface AdapterUrl<Scheme extends string> {
  readonly scheme: Scheme;
  readonly location: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What stands behind the `//` of a service's address, and its parameters; the others are paths, or nothing. */
const services: Readonly<Record<string, { form: string; location: RegExp; parameters: readonly string[] }>> =
  {
    gs: { form: "gs://BUCKET", location: /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/, parameters: ["endpoint"] },
    pubsub: {
      form: "pubsub://PROJECT/SUBSCRIPTION",
      location: /^[a-z][a-z0-9.:-]+\/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/,
      parameters: ["deadLetters", "endpoint"],
    },
    kafka: {
      form: "kafka://HOST:PORT[,HOST:PORT…]/TOPIC?group=GROUP",
      location: /^[A-Za-z0-9.[\]:-]+:\d+(,[A-Za-z0-9.[\]:-]+:\d+)*\/[A-Za-z0-9._-]{1,249}$/,
      parameters: ["group", "deadLetters"],
    },
    bigquery: {
      form: "bigquery://PROJECT?location=LOCATION",
      location: /^[a-z][a-z0-9.:-]+$/,
      parameters: ["location", "endpoint", "writeEndpoint"],
    },
  };

const mebibyte = 1024 * 1024;

const settings = {
  DARKROOM_IMAGES: located(adapterUrl("folder", "gs")).prefault("folder:.darkroom/images"),
  DARKROOM_EVENTS: located(adapterUrl("folder", "gs")).prefault("folder:.darkroom/events"),
  DARKROOM_UPLOADS: adapterUrl("gs").optional(),
  DARKROOM_ARRIVALS: adapterUrl("folder", "pubsub").prefault("folder:"),
  DARKROOM_STREAM: located(adapterUrl("journal", "kafka")).prefault("journal:.darkroom/stream"),
  DARKROOM_WAREHOUSE: located(adapterUrl("duckdb", "bigquery")).prefault("duckdb:.darkroom/warehouse.duckdb"),
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
  DARKROOM_LOADER_MODE: z.enum(["load", "stream"], "write load or stream").prefault("load"),
  DARKROOM_MAX_BYTES_BILLED: whole(10 * mebibyte, 1e15).prefault(String(100 * 1024 * mebibyte)),
  DARKROOM_SIGNED_URLS: z.enum(["on", "off"], "write on or off").prefault("off"),
  DARKROOM_CLAIM_SOURCES: claimSources().prefault(""),
  DARKROOM_KAFKA_TLS: z.enum(["on", "off"], "write on or off").prefault("off"),
  DARKROOM_KAFKA_CA: z.string().min(1).optional(),
  DARKROOM_KAFKA_SASL: z
    .enum(
      ["none", "plain", "scram-sha-256", "scram-sha-512", "oauthbearer"],
      "write none, plain, scram-sha-256, scram-sha-512 or oauthbearer",
    )
    .prefault("none"),
  DARKROOM_KAFKA_USERNAME: z.string().min(1).optional(),
  DARKROOM_KAFKA_PASSWORD: z.string().min(1).optional(),
} as const;

const schema = z.strictObject(settings).superRefine((config, context) => {
  for (const [name, message] of contradictions(config)) {
    context.addIssue({ code: "custom", path: [name], message });
  }
});

/** Every setting by its environment variable's name; `DARKROOM_PORT` is `config.DARKROOM_PORT`. */
export type Config = Readonly<z.output<typeof schema>>;

/** Settings that are right by themselves and do not go together. */
function contradictions(
  config: z.output<z.ZodObject<typeof settings>>,
): readonly [keyof typeof settings, string][] {
  const found: [keyof typeof settings, string][] = [];
  if ((config.DARKROOM_IMAGES.scheme === "gs") !== (config.DARKROOM_ARRIVALS.scheme === "pubsub")) {
    found.push([
      "DARKROOM_ARRIVALS",
      "write folder: with images in a folder, and pubsub://… with images in gs://…",
    ]);
  }
  const isLocal = config.DARKROOM_EVENTS.scheme === "folder";
  const isDuckdb = config.DARKROOM_WAREHOUSE.scheme === "duckdb";
  if (isDuckdb && !isLocal) {
    found.push([
      "DARKROOM_EVENTS",
      "DuckDB loads from a folder: write folder:…, or bigquery://… as the warehouse",
    ]);
  }
  if (!isDuckdb && isLocal && config.DARKROOM_LOADER_MODE === "load") {
    found.push([
      "DARKROOM_EVENTS",
      "BigQuery loads from a bucket: write gs://…, or DARKROOM_LOADER_MODE=stream",
    ]);
  }
  const hasCredentials =
    config.DARKROOM_KAFKA_USERNAME !== undefined && config.DARKROOM_KAFKA_PASSWORD !== undefined;
  if (/^(plain|scram)/.test(config.DARKROOM_KAFKA_SASL) && !hasCredentials) {
    found.push(["DARKROOM_KAFKA_SASL", "set DARKROOM_KAFKA_USERNAME and DARKROOM_KAFKA_PASSWORD with it"]);
  }
  return found;
}

/** The address as it is written in the environment. */
export function addressText({ scheme, location, parameters }: AdapterUrl<string>): string {
  if (services[scheme] === undefined) return `${scheme}:${location}`;
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return `${scheme}://${location}${query.length > 0 ? `?${query.join("&")}` : ""}`;
}

/** Every setting as text for people; secrets are not told. */
export function settingTexts(config: Config): Readonly<Record<keyof Config, string>> {
  return Object.fromEntries(
    settingNames.map((name) => [
      name,
      name.endsWith("_PASSWORD") && config[name] ? "(set)" : textOf(config[name]),
    ]),
  ) as Record<keyof Config, string>;
}

function textOf(value: Config[keyof Config]): string {
  if (typeof value !== "object") return String(value ?? "");
  return "scheme" in value ? addressText(value) : value.join(",");
}

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
  const value = given[name] === undefined ? "not set" : JSON.stringify(given[name]);
  return [`${name} is ${value}: ${issue.message}`];
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
  const expected = `write one of ${schemes.map((scheme) => services[scheme]?.form ?? `${scheme}:…`).join(", ")}`;
  return z.string().transform((value, context): AdapterUrl<Schemes[number]> => {
    const colon = value.indexOf(":");
    const scheme = value.slice(0, Math.max(colon, 0));
    const rest = value.slice(colon + 1);
    if (!schemes.includes(scheme)) {
      context.addIssue({ code: "custom", message: expected });
      return z.NEVER;
    }
    if (services[scheme] === undefined) return Object.freeze({ scheme, location: rest, parameters: {} });
    const { problem, ...url } = readServiceUrl(services[scheme], rest);
    if (problem !== undefined) {
      context.addIssue({ code: "custom", message: problem });
      return z.NEVER;
    }
    return Object.freeze({ scheme, ...url });
  });
}

type Service = (typeof services)[string];

/** Splits `//LOCATION?NAME=VALUE&…`. */
function readServiceUrl(
  { form, location: pattern, parameters: known }: Service,
  rest: string,
): Omit<AdapterUrl<string>, "scheme"> & { readonly problem: string | undefined } {
  const [, location = "", query = ""] = /^\/\/([^?#]*)(?:\?(.*))?$/.exec(rest) ?? [];
  const parameters = Object.fromEntries(new URLSearchParams(query));
  const stranger = Object.keys(parameters).find((name) => !known.includes(name));
  const problem = pattern.test(location)
    ? stranger && `${stranger} is no parameter; write ${known.join(", ")} or none`
    : `write ${form}`;
  return { location, parameters: Object.freeze(parameters), problem };
}

/** Where images that a message only names may be fetched from: `gs://BUCKET` and `https://HOST`, separated by commas. */
function claimSources() {
  const source = /^(gs:\/\/[a-z0-9][a-z0-9._-]+|https:\/\/[a-z0-9.-]+(:\d+)?)$/;
  return z
    .string()
    .transform((value) => Object.freeze(value === "" ? [] : value.split(",").map((one) => one.trim())))
    .refine(
      (sources) => sources.every((one) => source.test(one)),
      "write gs://BUCKET and https://HOST, separated by commas",
    );
}

/** For adapters that must be told where. */
function located<Url extends AdapterUrl<string>>(url: z.ZodType<Url, string>) {
  return url.refine(({ location }) => location !== "", "write a place after the colon");
}

function whole(least: number, most: number) {
  const expected = `write a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= least && value <= most, expected);
}
