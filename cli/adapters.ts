/** The adapter behind each port, by the settings; what is costly to load is loaded when it is chosen. */

import type { Clock } from "../core/clock.ts";
import type { Config } from "../core/config.ts";
import { messageOf, Unavailable } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Arrivals } from "../lake/arrivals.ts";
import { folderLake } from "../lake/folder.ts";
import { folderArrivals } from "../lake/folder-arrivals.ts";
import { type Lake, type LakeLinks, readWhole } from "../lake/lake.ts";
import { isArrivalKey, originals } from "../lake/layout.ts";
import { type ClaimReader, claimReader } from "../loaders/stream/fetch-claim.ts";
import type { KafkaStreamOptions } from "../loaders/stream/kafka.ts";
import type { Stream } from "../loaders/stream/stream.ts";
import type { Processor } from "../processor/processor.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";

/** Where images lie, how the worker learns of them, and what can hand out links to them. */
export interface ImageLake {
  readonly images: Lake;
  readonly arrivals: Arrivals;
  /** Undefined where the lake has none to give. */
  readonly links: LakeLinks | undefined;
}

export async function openImages(config: Config, log: Log): Promise<ImageLake> {
  const url = config.DARKROOM_IMAGES;
  if (url.scheme === "gs") {
    const images = await openBucket(url, { isHeld: (key) => key.startsWith(originals) });
    return { images, links: images, arrivals: await openSubscription(config, log) };
  }
  const root = url.location;
  const directory = config.DARKROOM_ARRIVALS.location;
  const arrivals = folderArrivals({
    root,
    ...(directory === "" ? {} : { directory }),
    onError: (error) => log.error({ error: messageOf(error) }, "a notice of arrival cannot be taken now"),
  });
  const announce = async (key: string, file: string) => {
    if (isArrivalKey(key)) await arrivals.announceFile(key, file);
  };
  return { images: folderLake({ root, announce }), arrivals, links: undefined };
}

async function openSubscription(config: Config, log: Log): Promise<Arrivals> {
  const { pubsubArrivals } = await import("../lake/pubsub-arrivals.ts");
  const { location, parameters } = config.DARKROOM_ARRIVALS;
  const [project = "", subscription = ""] = location.split("/");
  return pubsubArrivals({
    project,
    subscription,
    ...parameters,
    isWanted: isArrivalKey,
    onError: (error) => log.warn({ error: messageOf(error), subscription }, "arrivals"),
  });
}

export async function openEvents({ DARKROOM_EVENTS: url }: Config): Promise<Lake> {
  return url.scheme === "gs" ? openBucket(url) : folderLake({ root: url.location });
}

/** BigQuery's own default: the multi-region in the United States. */
const defaultLocation = "US";

/** Where direct uploads go, or undefined when there are none. */
export async function openUploads({
  DARKROOM_UPLOADS: url,
}: Config): Promise<(Lake & LakeLinks) | undefined> {
  return url && openBucket(url);
}

async function openBucket(
  { location, parameters }: Pick<Config["DARKROOM_IMAGES"], "location" | "parameters">,
  options: { readonly isHeld?: (key: string) => boolean } = {},
): Promise<Lake & LakeLinks> {
  const { gcsLake } = await import("../lake/gcs.ts");
  return gcsLake({ bucket: location, ...parameters, ...options });
}

export async function openStream(config: Config, log: Log): Promise<Stream> {
  const url = config.DARKROOM_STREAM;
  if (url.scheme === "kafka") return openKafka(config, log);
  const { journalStream } = await import("../loaders/stream/journal.ts");
  return journalStream({ root: url.location, topic: "images", group: "darkroom" });
}

/** What fetches the images that messages only name. */
export async function openClaims(config: Config): Promise<ClaimReader> {
  const sources = config.DARKROOM_CLAIM_SOURCES;
  const { parameters } = config.DARKROOM_IMAGES;
  const hasBuckets = sources.some((source) => source.startsWith("gs:"));
  return claimReader({
    sources,
    maxImageBytes: config.DARKROOM_MAX_IMAGE_BYTES,
    maxHeldBytes: config.DARKROOM_BUFFER_BYTES,
    ...(hasBuckets && { readBucket: (await import("../lake/gcs.ts")).gcsReader(parameters) }),
  });
}

async function openKafka(config: Config, log: Log): Promise<Stream> {
  const { kafkaStream } = await import("../loaders/stream/kafka.ts");
  const { location, parameters } = config.DARKROOM_STREAM;
  const [brokers = "", topic = ""] = location.split("/");
  return kafkaStream({
    brokers: brokers.split(","),
    topic,
    group: parameters.group ?? "darkroom",
    tls: config.DARKROOM_KAFKA_TLS === "on",
    ...(parameters.deadLetters === undefined ? {} : { deadLetterTopic: parameters.deadLetters }),
    ...(config.DARKROOM_KAFKA_CA === undefined ? {} : { caFile: config.DARKROOM_KAFKA_CA }),
    ...kafkaCredentials(config),
    onEvent: (event) => log[event.kind === "client" ? "debug" : "info"](event, "kafka"),
    onRetry: ({ error, ...retry }) =>
      log.warn(
        { ...retry, offset: String(retry.offset), error: messageOf(error) },
        "message handed out again",
      ),
  });
}

function kafkaCredentials(config: Config): Pick<KafkaStreamOptions, "sasl"> {
  const { DARKROOM_KAFKA_SASL: mechanism, DARKROOM_KAFKA_USERNAME: username } = config;
  if (mechanism === "none") return {};
  if (mechanism === "oauthbearer")
    return { sasl: { mechanism, ...(username === undefined ? {} : { username }) } };
  return { sasl: { mechanism, username: username ?? "", password: config.DARKROOM_KAFKA_PASSWORD ?? "" } };
}

export async function openProcessor(config: Config): Promise<Processor> {
  const { isolatedProcessor } = await import("../processor/isolated.ts");
  return isolatedProcessor({
    maxPixels: config.DARKROOM_MAX_IMAGE_PIXELS,
    timeoutMs: config.DARKROOM_PROCESS_TIMEOUT_MS,
  });
}

/** The warehouse of the settings; `project` is what names belong to where the warehouse has none of its own. */
export async function openWarehouse(
  config: Config,
  { events, project, clock, log }: { events: Lake; project: string; clock: Clock; log: Log },
): Promise<Warehouse> {
  const { scheme, location, parameters } = config.DARKROOM_WAREHOUSE;
  if (scheme === "duckdb") return openDuckdb(location, project);
  const { bigqueryWarehouse } = await import("../warehouse/bigquery.ts");
  return bigqueryWarehouse({
    project: location,
    location: defaultLocation,
    ...parameters,
    mode: config.DARKROOM_LOADER_MODE,
    maximumBytesBilled: config.DARKROOM_MAX_BYTES_BILLED,
    readSegment: (url) => readSegment(events, url),
    clock,
    log,
  });
}

export async function openDuckdb(path: string, project: string): Promise<Warehouse> {
  const { duckdbWarehouse } = await import("../warehouse/duckdb.ts");
  return duckdbWarehouse({ path, project });
}

/** The bytes of a segment by its address. */
async function readSegment(events: Lake, url: string): Promise<Buffer> {
  const base = events.url("x").slice(0, -1);
  const found = await readWhole(events, url.slice(base.length));
  if (found === undefined) throw new Unavailable(`${url} was removed while it was being loaded`);
  return found.bytes;
}
