/** A Kafka broker of a test's own: one that may be stopped, killed or asked for credentials without anybody else noticing. */

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { defaultCache, programsOf, runToEnd } from "../../infra/services/install.ts";
import { kafka } from "../../infra/services/kafka.ts";
import { takeFreePorts } from "../../infra/services/ports.ts";
import { killProcess, launch, type ServerProcess, untilReady } from "../../infra/services/process.ts";

export interface OwnKafka {
  /** Without TLS and credentials. */
  readonly endpoint: string;
  /** Asks for credentials: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER with unsigned tokens. */
  readonly withCredentials: string;
  /** The same behind TLS, with the certificate in `caFile`. */
  readonly withTls: string;
  readonly caFile: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on its data and ports. */
  start(): Promise<void>;
}

export const account = { username: "alice", password: "alice's secret" } as const;

/** The credentials that a client has offered are asked for again after so long. */
export const reauthenticationMs = 12_000;

/** A broker in an empty folder; the test kills it. */
export async function ownKafka(folder: string): Promise<OwnKafka> {
  const ports = (await takeFreePorts(4)).map((port) => `127.0.0.1:${port}`);
  const [endpoint = "", withCredentials = "", withTls = "", controller = ""] = ports;
  const caFile = makeCertificate(folder);
  const properties = join(folder, "server.properties");
  writeFileSync(properties, propertiesOf({ folder, endpoint, withCredentials, withTls, controller }));
  const libraries = join(programsOf(kafka, defaultCache()), "libs", "*");
  const java = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", libraries];
  const log = join(folder, "kafka.log");
  const clusterId = randomBytes(16).toString("base64url");
  const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=${account.username},password=${account.password}]`,
  ]);
  const format = ["kafka.tools.StorageTool", "format", "-t", clusterId, "-c", properties, ...scram];
  await runToEnd("java", [...java, ...format], log);
  let broker: ServerProcess | undefined;
  const kill = async () => {
    if (broker) await killProcess(broker);
  };
  const start = async () => {
    broker = await launch({
      name: "kafka",
      command: "java",
      args: [...java, "kafka.Kafka", properties],
      log,
    });
    try {
      await untilReady([broker], async () => (await clusterIdAt(endpoint)) === clusterId, 90_000);
    } catch (error) {
      await kill();
      throw error;
    }
  };
  await start();
  return { endpoint, withCredentials, withTls, caFile, kill, start };
}

/** A key and a certificate for this machine, signed by itself. Returns the certificate's file. */
function makeCertificate(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const store = ["-alias", "broker", "-keystore", join(folder, "keys.p12"), "-storepass", "changeit"];
  const caFile = join(folder, "ca.pem");
  const names = ["-dname", "CN=localhost", "-ext", "SAN=ip:127.0.0.1"];
  runTool(["-genkeypair", "-keyalg", "EC", "-validity", "2", "-storetype", "PKCS12", ...names, ...store]);
  runTool(["-exportcert", "-rfc", "-file", caFile, ...store]);
  return caFile;
}

function runTool(args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync("keytool", args, { encoding: "utf8" });
  if (status !== 0) throw new TypeError(`keytool ${args[0]}: ${stdout}${stderr}`);
}

async function clusterIdAt(endpoint: string): Promise<string> {
  const client = new Kafka({ brokers: [endpoint], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  const admin = client.admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).clusterId;
  } finally {
    await admin.disconnect();
  }
}

interface Addresses {
  readonly folder: string;
  readonly endpoint: string;
  readonly withCredentials: string;
  readonly withTls: string;
  readonly controller: string;
}

function propertiesOf({ folder, endpoint, withCredentials, withTls, controller }: Addresses): string {
  const listeners = `PLAINTEXT://${endpoint},SASL_PLAINTEXT://${withCredentials},SASL_SSL://${withTls}`;
  const security = "org.apache.kafka.common.security";
  const modules = {
    plain: `${security}.plain.PlainLoginModule required user_${account.username}="${account.password}"`,
    "scram-sha-256": `${security}.scram.ScramLoginModule required`,
    "scram-sha-512": `${security}.scram.ScramLoginModule required`,
    oauthbearer: `${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker"`,
  };
  const logins = ["sasl_plaintext", "sasl_ssl"].flatMap((listener) =>
    Object.entries(modules).map(([mechanism, login]) => [
      `listener.name.${listener}.${mechanism}.sasl.jaas.config`,
      `${login};`,
    ]),
  );
  return Object.entries({
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@${controller}`,
    listeners: `${listeners},CONTROLLER://${controller}`,
    "advertised.listeners": listeners,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map":
      "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    "connections.max.reauth.ms": reauthenticationMs,
    "ssl.keystore.type": "PKCS12",
    "ssl.keystore.location": join(folder, "keys.p12"),
    "ssl.keystore.password": "changeit",
    "log.dirs": join(folder, "log"),
    "auto.create.topics.enable": false,
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "log.cleaner.dedupe.buffer.size": 4_194_304,
    ...Object.fromEntries(logins),
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}
