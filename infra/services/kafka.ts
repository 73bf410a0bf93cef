/** A Kafka broker (KRaft, one node) from Maven's jars, known by the cluster id that its data folder was formatted with. */

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Kafka, logLevel } from "kafkajs";
import { runToEnd } from "./install.ts";
import { loopback, requireFreePort } from "./ports.ts";
import { launch } from "./process.ts";
import type { Place, ServiceKind } from "./service.ts";

const pom = fileURLToPath(new URL("./kafka/pom.xml", import.meta.url));
/** A small heap and the quick compiler only: it starts in half the time and nobody measures this broker's throughput. */
const javaOptions = [
  "-Xmx512m",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];

export const kafka: ServiceKind = {
  name: "kafka",
  title: "Apache Kafka 4.4.0",
  installation: {
    pins: [readFileSync(pom, "utf8")],
    tools: [
      {
        proof: ["java", "-version"],
        remedy: "a Java runtime, 17 or later (Debian: openjdk-17-jre-headless)",
      },
      { proof: ["mvn", "-version"], remedy: "Maven (Debian: maven)" },
    ],
    takes: "downloads 43 MB",
    install: (folder, run) =>
      run("mvn", ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${folder}/libs`]),
  },
  async launch(place) {
    await requireFreePort(place.ports.kafka, "Kafka");
    await requireFreePort(place.ports.kafkaController, "Kafka's controller");
    await requireFreePort(place.ports.kafkaBehindProxy, "Kafka behind a proxy");
    const java = [...javaOptions, "-cp", join(place.programs, "libs", "*")];
    const properties = join(place.data, "server.properties");
    await mkdir(place.data, { recursive: true });
    await writeFile(properties, propertiesOf(place));
    const clusterId = clusterIdIn(place) ?? (await format(place, java, properties));
    const broker = await launch({
      name: "kafka",
      command: "java",
      args: [...java, "kafka.Kafka", properties],
      log: logOf(place),
    });
    const endpoint = `${loopback}:${place.ports.kafka}`;
    return { name: "kafka", endpoint, clusterId, data: place.data, processes: [broker] };
  },
  answers: async ({ endpoint, clusterId }) => (await clusterIdAt(endpoint)) === clusterId,
};

/** Gives an empty data folder its identity. A half-formatted folder is formatted anew: no broker has run on it. */
async function format(place: Place, java: readonly string[], properties: string): Promise<string> {
  await rm(logFolder(place), { recursive: true, force: true });
  const clusterId = randomBytes(16).toString("base64url");
  const tool = [...java, "kafka.tools.StorageTool", "format", "-t", clusterId, "-c", properties];
  await runToEnd("java", tool, logOf(place));
  return clusterId;
}

function clusterIdIn(place: Place): string | undefined {
  const file = join(logFolder(place), "meta.properties");
  if (!existsSync(file)) return undefined;
  return /^cluster\.id=(.+)$/m.exec(readFileSync(file, "utf8"))?.[1];
}

/** The id that whoever listens there tells; an open port may be somebody else's. */
async function clusterIdAt(endpoint: string): Promise<string> {
  const admin = new Kafka({
    brokers: [endpoint],
    clientId: "darkroom-services",
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2000,
    requestTimeout: 5000,
    retry: { retries: 0 },
  }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).clusterId;
  } finally {
    await admin.disconnect();
  }
}

function logOf(place: Place): string {
  return join(place.logs, "kafka.log");
}

/** Kafka's own log: the messages. */
function logFolder(place: Place): string {
  return join(place.data, "log");
}

/** One node is broker and controller, so everything that Kafka would keep three times is kept once. */
function propertiesOf(place: Place): string {
  const { kafka: port, kafkaController: controller, kafkaBehindProxy, kafkaProxy } = place.ports;
  const address = (name: string, at: number) => `${name}://${loopback}:${at}`;
  return Object.entries({
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@${loopback}:${controller}`,
    listeners: [
      address("PLAINTEXT", port),
      address("PROXIED", kafkaBehindProxy),
      address("CONTROLLER", controller),
    ].join(","),
    "advertised.listeners": [address("PLAINTEXT", port), address("PROXIED", kafkaProxy)].join(","),
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT",
    "log.dirs": logFolder(place),
    "auto.create.topics.enable": false,
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    // A broker that was killed can only return when its session has ended: after 9 s by default.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "message.max.bytes": 10 * 1024 * 1024,
    "replica.fetch.max.bytes": 10 * 1024 * 1024,
    "log.segment.bytes": 128 * 1024 * 1024,
    "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}
