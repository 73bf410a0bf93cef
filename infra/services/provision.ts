/** Creates on the servers what Terraform creates in the cloud: buckets, notifications, topics, subscriptions, the stream's topic. */

import { type ClientConfig, PubSub } from "@google-cloud/pubsub";
import { Storage } from "@google-cloud/storage";
import { GoogleAuth, PassThroughClient } from "google-auth-library";
import { Kafka, logLevel } from "kafkajs";
import { hasCode, Unavailable } from "../../core/errors.ts";
import { loopback, type Ports } from "./ports.ts";
import type { ServiceName } from "./service.ts";

/** What is created, by name; tests take names of their own and so do not meet. */
export interface Names {
  readonly project: string;
  readonly images: string;
  readonly events: string;
  readonly uploads: string;
  /** Pub/Sub topic that the bucket of images tells of new objects. */
  readonly arrivals: string;
  readonly worker: string;
  /** Where a notice goes that was given back too often. */
  readonly deadTopic: string;
  readonly deadLetters: string;
  /** Kafka topic. */
  readonly stream: string;
  readonly streamPartitions: number;
  readonly streamGroup: string;
}

/** What `start` creates, and what the how-to uses. */
export const defaultNames: Names = {
  project: "darkroom",
  images: "darkroom-images",
  events: "darkroom-events",
  uploads: "darkroom-uploads",
  arrivals: "darkroom-arrivals",
  worker: "darkroom-worker",
  deadTopic: "darkroom-arrivals-dead",
  deadLetters: "darkroom-worker-dead",
  stream: "images",
  streamPartitions: 4,
  streamGroup: "darkroom",
};

/** Names for one test: the defaults with `-SUFFIX`. */
export function namesWith(suffix: string): Names {
  const entries = Object.entries(defaultNames).map(([name, value]) =>
    typeof value === "number" ? [name, value] : [name, `${value}-${suffix}`],
  );
  return Object.fromEntries(entries) as Names;
}

/** What is told of new objects: in the bucket of images, and in that of direct uploads. */
const toldPrefixes = { images: ["originals/", "rejected/"], uploads: ["incoming/"] } as const;

/** Where servers are; `Services` is one. */
export interface Located {
  has(name: ServiceName): boolean;
  of(name: ServiceName): { readonly endpoint: string; readonly writeEndpoint?: string | undefined };
}

/** All servers, at ports that somebody else had them listen on: containers. */
export function locatedAt(ports: Ports): Located {
  const at = (port: number) => `${loopback}:${port}`;
  const servers = {
    kafka: { endpoint: at(ports.kafka) },
    gcs: { endpoint: `http://${at(ports.gcs)}` },
    pubsub: { endpoint: at(ports.pubsub) },
    bigquery: { endpoint: `http://${at(ports.bigquery)}`, writeEndpoint: at(ports.bigqueryWrite) },
  };
  return { has: () => true, of: (name) => servers[name] };
}

/** Creates what is missing on the servers that are there. Throws `Unavailable` when Kafka refuses the topic. */
export async function provision(services: Located, names: Names = defaultNames): Promise<void> {
  await Promise.all([
    services.has("pubsub") ? provisionArrivals(services.of("pubsub").endpoint, names) : undefined,
    services.has("gcs") ? provisionBuckets(services.of("gcs").endpoint, names) : undefined,
    services.has("kafka") ? provisionStream(services.of("kafka").endpoint, names) : undefined,
  ]);
  if (services.has("gcs") && services.has("pubsub")) {
    await provisionNotifications(services.of("gcs").endpoint, names);
  }
}

/** The settings that point the platform at the servers. */
export function settingsFor(
  services: Located,
  names: Names = defaultNames,
): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {};
  if (services.has("gcs")) {
    const { endpoint } = services.of("gcs");
    settings.DARKROOM_IMAGES = `gs://${names.images}?endpoint=${endpoint}`;
    settings.DARKROOM_EVENTS = `gs://${names.events}?endpoint=${endpoint}`;
    settings.DARKROOM_UPLOADS = `gs://${names.uploads}?endpoint=${endpoint}`;
  }
  if (services.has("pubsub")) {
    const { endpoint } = services.of("pubsub");
    settings.DARKROOM_ARRIVALS = `pubsub://${names.project}/${names.worker}?endpoint=${endpoint}&deadLetters=${names.deadLetters}`;
  }
  if (services.has("kafka")) {
    settings.DARKROOM_STREAM = `kafka://${services.of("kafka").endpoint}/${names.stream}?group=${names.streamGroup}`;
  }
  if (services.has("bigquery")) {
    const { endpoint, writeEndpoint } = services.of("bigquery");
    settings.DARKROOM_WAREHOUSE = `bigquery://${names.project}?location=EU&endpoint=${endpoint}&writeEndpoint=${writeEndpoint}`;
  }
  return settings;
}

async function provisionBuckets(endpoint: string, names: Names): Promise<void> {
  const storage = new Storage({ projectId: names.project, apiEndpoint: endpoint });
  for (const name of [names.images, names.events, names.uploads]) {
    await unlessThere(storage.createBucket(name, { location: "EU" }), 409);
  }
}

/** One notification a prefix, because a notification has one; without them every rendition would be told too. */
async function provisionNotifications(endpoint: string, names: Names): Promise<void> {
  const storage = new Storage({ projectId: names.project, apiEndpoint: endpoint });
  for (const lake of ["images", "uploads"] as const) {
    const bucket = storage.bucket(names[lake]);
    const [existing] = await bucket.getNotifications();
    const told = new Set(existing.map(({ metadata }) => metadata.object_name_prefix));
    for (const objectNamePrefix of toldPrefixes[lake].filter((prefix) => !told.has(prefix))) {
      await bucket.createNotification(`projects/${names.project}/topics/${names.arrivals}`, {
        eventTypes: ["OBJECT_FINALIZE"],
        payloadFormat: "JSON_API_V1",
        objectNamePrefix,
      });
    }
  }
}

async function provisionArrivals(endpoint: string, names: Names): Promise<void> {
  const client = new PubSub(pubsubOptions(endpoint, names.project));
  try {
    for (const topic of [names.arrivals, names.deadTopic]) await unlessThere(client.createTopic(topic), 6);
    await unlessThere(client.topic(names.deadTopic).createSubscription(names.deadLetters), 6);
    await unlessThere(
      client.topic(names.arrivals).createSubscription(names.worker, {
        ackDeadlineSeconds: 60,
        retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 60 } },
        deadLetterPolicy: {
          deadLetterTopic: `projects/${names.project}/topics/${names.deadTopic}`,
          maxDeliveryAttempts: 10,
        },
      }),
      6,
    );
  } finally {
    await client.close();
  }
}

type ClientAuth = NonNullable<ClientConfig["auth"]>;

/** For a client of the Pub/Sub server: no encryption, and no credentials, which would be looked for on the network. */
export function pubsubOptions(endpoint: string, projectId: string): ClientConfig {
  const auth = new GoogleAuth({ authClient: new PassThroughClient() });
  // The client has a GoogleAuth of its own version, which does the same.
  return { projectId, apiEndpoint: endpoint, emulatorMode: true, auth: auth as unknown as ClientAuth };
}

async function provisionStream(endpoint: string, names: Names): Promise<void> {
  const admin = new Kafka({
    brokers: [endpoint],
    clientId: "darkroom-services",
    logLevel: logLevel.NOTHING,
  }).admin();
  try {
    await admin.connect();
    if ((await admin.listTopics()).includes(names.stream)) return;
    const topics = [{ topic: names.stream, numPartitions: names.streamPartitions, replicationFactor: 1 }];
    if (!(await admin.createTopics({ topics, waitForLeaders: true }))) {
      throw new Unavailable(`Kafka at ${endpoint} did not create the topic ${names.stream}`);
    }
  } finally {
    await admin.disconnect();
  }
}

/** `conflict` is how the server says that it is there: HTTP 409, gRPC 6 (ALREADY_EXISTS). */
async function unlessThere(creation: Promise<unknown>, conflict: number): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!hasCode(error, String(conflict))) throw error;
  }
}
