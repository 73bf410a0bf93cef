/** How kafkajs is set up: brokers, TLS, credentials, patience; and where what it has to say goes. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  Kafka,
  type KafkaConfig,
  type LogEntry,
  logLevel,
  type RetryOptions,
  type SASLOptions,
} from "kafkajs";
import { Misconfigured, messageOf } from "../../core/errors.ts";
import { googleKafkaToken } from "./kafka-google-token.ts";

export type KafkaCredentials =
  | {
      readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: "oauthbearer";
      /** The token for a new connection. @default that of Google's Managed Service for Apache Kafka, for this process' account */
      readonly token?: () => Promise<string>;
      /** The account's e-mail address, where its credentials do not tell it. */
      readonly username?: string;
    };

/** What operators may want to know; none of it holds a secret or a message's content. */
export type KafkaEvent =
  /** A consumption reads these partitions from now on. */
  | { readonly kind: "assigned"; readonly topic: string; readonly partitions: readonly number[] }
  /** Another member came or went, or the partitions changed: what was assigned is given back. */
  | { readonly kind: "rebalancing"; readonly topic: string }
  /** The brokers could not be reached or used; tried again by itself. */
  | { readonly kind: "reconnecting"; readonly reason: string; readonly delayMs: number }
  /** A dead letter was too large for its topic and went there without its value. */
  | { readonly kind: "shortened"; readonly topic: string; readonly position: string }
  /** A line of kafkajs' own log, from warnings up; many of them are about things that it then mends itself. */
  | { readonly kind: "client"; readonly level: "warn" | "error"; readonly message: string };

export interface KafkaConnection {
  /** `HOST:PORT`, one or more of the cluster. */
  readonly brokers: readonly string[];
  /** @default false */
  readonly tls?: boolean;
  /** A PEM file with the certificates to trust instead of the public ones. */
  readonly caFile?: string;
  readonly sasl?: KafkaCredentials;
  readonly onEvent?: (event: KafkaEvent) => void;
}

/** Makes a client; each consumer needs one of its own, since kafkajs keeps the offsets of a group in the client. */
export type ClientFactory = () => Kafka;

/**
 * kafkajs' own defaults, except that a consumer bears a longer silence: a broker that restarts must not cost the membership.
 * They are written out because kafkajs has others when it finds itself in a test.
 */
export const retries: Readonly<Record<"consumer" | "producer" | "admin", RetryOptions>> = {
  consumer: { initialRetryTime: 300, factor: 0.2, multiplier: 2, maxRetryTime: 5_000, retries: 8 },
  producer: { initialRetryTime: 300, factor: 0.2, multiplier: 2, maxRetryTime: 30_000, retries: 5 },
  admin: { initialRetryTime: 200, factor: 0.2, multiplier: 2, maxRetryTime: 5_000, retries: 3 },
};

/** @throws Misconfigured for addresses, files and credentials that cannot be used */
export function clientFactory(connection: KafkaConnection): ClientFactory {
  const { brokers, tls = false, caFile, sasl, onEvent } = connection;
  checkBrokers(brokers);
  endIdleTimers();
  const config: KafkaConfig = {
    clientId: "darkroom",
    brokers: [...brokers],
    connectionTimeout: 10_000,
    authenticationTimeout: 10_000,
    requestTimeout: 30_000,
    retry: retries.admin,
    logLevel: logLevel.WARN,
    logCreator: () => tellOf(onEvent),
    ...(tls ? { ssl: caFile === undefined ? true : { ca: [readCertificates(caFile)] } } : {}),
    ...(sasl === undefined ? {} : { sasl: saslOf(sasl) }),
  };
  return () => new Kafka(config);
}

function checkBrokers(brokers: readonly string[]): void {
  const problems = brokers
    .filter((broker) => !/^[A-Za-z0-9._-]+:\d{1,5}$/.test(broker))
    .map((broker) => `broker ${JSON.stringify(broker)}: write HOST:PORT with a name or an IPv4 address`);
  if (brokers.length === 0) problems.push("no broker is named: write HOST:PORT");
  if (problems.length > 0) throw new Misconfigured(problems);
}

function readCertificates(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Misconfigured([
      `DARKROOM_KAFKA_CA: ${file} cannot be read (${messageOf(error)}): name a PEM file`,
    ]);
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new Misconfigured([`DARKROOM_KAFKA_CA: ${file} holds no certificate: name a PEM file`]);
}

function saslOf(credentials: KafkaCredentials): SASLOptions {
  const { mechanism } = credentials;
  if (mechanism === "oauthbearer") {
    const token = credentials.token ?? googleKafkaToken(credentials.username);
    return { mechanism, oauthBearerProvider: async () => ({ value: await token() }) };
  }
  const { username, password } = credentials;
  return { mechanism, username, password } as SASLOptions;
}

/** A producer that failed is replaced by a new one, so what kafkajs says of every one of ours does not hold. */
const irrelevant = /^Limiting retries for the idempotent producer/;

function tellOf(onEvent: KafkaConnection["onEvent"]): (entry: LogEntry) => void {
  return ({ level, log: { message, error } }) => {
    if (irrelevant.test(message)) return;
    const detail = typeof error === "string" ? `${message}: ${error}` : message;
    onEvent?.({ kind: "client", level: level === logLevel.ERROR ? "error" : "warn", message: detail });
  };
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

/**
 * kafkajs 2.2.4 keeps a timer running at one millisecond for every connection that has nothing to send, because it
 * subtracts the time of day from -1: some 3 % of a core for nothing, and from Node.js 24 on a warning of a negative timeout
 * (tulios/kafkajs#1704 and #1751). With nothing pending and no throttling there is nothing to check.
 */
function endIdleTimers(): void {
  const queue = createRequire(import.meta.url)("kafkajs/src/network/requestQueue") as {
    prototype: RequestQueue & { isIdleMended?: true };
  };
  if (queue.prototype.isIdleMended) return;
  const original = queue.prototype.scheduleCheckPendingRequests;
  queue.prototype.isIdleMended = true;
  queue.prototype.scheduleCheckPendingRequests = function mended(this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) original.call(this);
  };
}
