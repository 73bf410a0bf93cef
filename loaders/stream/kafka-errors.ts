/** What kafkajs throws, by what to do about it. */

import { Misconfigured, messageOf, Refused, Unavailable } from "../../core/errors.ts";

/** What a message about a fault names. */
export interface KafkaPlace {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly group?: string;
}

interface KafkaError {
  readonly name?: unknown;
  /** The protocol's own name, for example `UNKNOWN_TOPIC_OR_PARTITION`. */
  readonly type?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
}

/** Problems for the operator, by what is found anywhere in the chain of causes. */
const problems: readonly (readonly [found: RegExp, problem: (place: KafkaPlace, said: string) => string])[] =
  [
    [
      /KafkaJSSASLAuthenticationError|SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM/,
      (_, said) =>
        `they do not take the credentials (${said}): look at DARKROOM_KAFKA_SASL, _USERNAME, _PASSWORD`,
    ],
    [
      /KafkaJSNotImplemented/,
      ({ topic }, said) =>
        `topic ${topic} holds messages that darkroom cannot unpack (${said}): set the producer's compression.type ` +
        "to gzip or none, or the topic's compression.type to gzip; then move the group behind the messages that are there",
    ],
    [
      /UNKNOWN_TOPIC_OR_PARTITION|INVALID_TOPIC_EXCEPTION/,
      ({ topic }) => `there is no topic ${topic}: create it`,
    ],
    [
      /TOPIC_AUTHORIZATION_FAILED/,
      ({ topic }) => `this account may not use topic ${topic}: give it READ, or WRITE for what it produces`,
    ],
    [/GROUP_AUTHORIZATION_FAILED/, ({ group }) => `this account may not use group ${group}: give it READ`],
    [
      /CLUSTER_AUTHORIZATION_FAILED/,
      () => "this account lacks a permission on the cluster (IDEMPOTENT_WRITE)",
    ],
    [
      /INCONSISTENT_GROUP_PROTOCOL|INVALID_SESSION_TIMEOUT|Unsupported partition assigner/,
      ({ group }, said) =>
        `group ${group} is used by consumers of another kind (${said}): name another group`,
    ],
    [
      /SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF|UNABLE_TO_GET_ISSUER|CERT_HAS_EXPIRED|ERR_TLS_CERT_ALTNAME_INVALID/,
      (_, said) => `their certificate is not trusted (${said}): name the right one with DARKROOM_KAFKA_CA`,
    ],
    [
      /ERR_SSL_|EPROTO/,
      (_, said) => `they do not speak TLS as expected (${said}): look at the port and DARKROOM_KAFKA_TLS`,
    ],
  ];

/** The error of the three families for what kafkajs threw. */
export function kafkaFault(error: unknown, place: KafkaPlace): Refused | Unavailable | Misconfigured {
  const chain = causesOf(error);
  const own = chain.find((one) => one instanceof Misconfigured || one instanceof Unavailable);
  if (own instanceof Misconfigured || own instanceof Unavailable) return own;
  const where = `Kafka at ${place.brokers.join(", ")}`;
  const marks = chain
    .map(({ name, type, code, message }) => [name, type, code, message].join(" "))
    .join("\n");
  const said = sayingOf(chain);
  if (/MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/.test(marks)) return tooLarge(place.topic);
  const problem = problems.find(([found]) => found.test(marks));
  if (problem) return new Misconfigured([`${where}: ${problem[1](place, said)}`]);
  const hint = hints.find(([found]) => found.test(marks))?.[1] ?? "";
  return new Unavailable(`${where}, topic ${place.topic}: ${said}${hint}`, { cause: error });
}

/** What a fault that passes with a restart may also mean where it does not pass. */
const hints: readonly (readonly [found: RegExp, hint: string])[] = [
  [
    /Closed connection|disconnected before secure TLS/,
    " (do DARKROOM_KAFKA_TLS and DARKROOM_KAFKA_SASL fit this port?)",
  ],
  [/ILLEGAL_SASL_STATE/, " (a broker that refuses a token answers like this)"],
];

/** A message that the topic does not take; `bytes` and `limit` where they are known. */
export function tooLarge(topic: string, bytes?: number, limit?: number): Refused {
  const size = bytes === undefined ? "" : ` of ${bytes} bytes`;
  return new Refused(
    "too_large",
    `A message${size} is too large for topic ${topic}`,
    limit === undefined ? "a smaller message, or a claim" : `at most ${limit} bytes, or a claim`,
  );
}

/** True when kafkajs itself would have tried again, or gave up on what a restarting cluster does. */
export function isPassing(error: unknown): boolean {
  const [outermost, ...causes] = causesOf(error);
  const innermost = causes.at(-1) ?? outermost;
  return (
    /KafkaJSNumberOfRetriesExceeded|KafkaJSGroupCoordinatorNotFound|KafkaJSLockTimeout/.test(
      String(outermost?.name),
    ) || (innermost as { retriable?: unknown } | undefined)?.retriable === true
  );
}

function causesOf(error: unknown): readonly KafkaError[] {
  const chain: KafkaError[] = [];
  for (
    let one = error;
    typeof one === "object" && one !== null && !chain.includes(one);
    one = (one as KafkaError).cause
  ) {
    chain.push(one);
  }
  return chain.length > 0 ? chain : [{ message: messageOf(error) }];
}

/** The innermost text: kafkajs repeats it outwards. */
function sayingOf(chain: readonly KafkaError[]): string {
  return messageOf(chain.at(-1));
}
