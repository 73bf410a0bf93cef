/** Membership in a consumer group, kept up until the consumption ends: joins, gives back, joins again, reconnects. */

import { type Cluster, type Consumer, type PartitionAssigner, PartitionAssigners } from "kafkajs";
import { messageOf, Unavailable } from "../../core/errors.ts";
import { aborted, type Delivery, sleep } from "./delivery.ts";
import { type Assignment, groupAssignment } from "./kafka-assignment.ts";
import { type ClientFactory, type KafkaEvent, retries } from "./kafka-client.ts";
import { isPassing, type KafkaPlace, kafkaFault } from "./kafka-errors.ts";
import type { KafkaItem } from "./kafka-messages.ts";

export interface MembershipTimes {
  /** After such a silence the group takes a member for dead. @default 30000 */
  readonly sessionTimeoutMs?: number;
  /** @default a tenth of the session timeout */
  readonly heartbeatMs?: number;
  /** How long the group waits for its members to join again. @default 60000 */
  readonly rebalanceTimeoutMs?: number;
  /** How long what is in flight may take when partitions are given back. @default 5000 */
  readonly revokeGraceMs?: number;
  /** How often it is looked whether the topic has new partitions. @default 60000 */
  readonly metadataMaxAgeMs?: number;
}

export interface MembershipOptions {
  readonly newClient: ClientFactory;
  readonly place: KafkaPlace & { readonly group: string };
  readonly times: MembershipTimes;
  readonly delivery: Delivery<KafkaItem>;
  readonly maxInFlightBytes: number;
  /** The largest message that the topic takes. */
  readonly maxMessageBytes: number;
  readonly onEvent: (event: KafkaEvent) => void;
}

const mebibyte = 1024 * 1024;

/** A fetch waits so long for news, and so long passes until a partition that is to be fetched again is. */
const fetchWaitMs = 100;
/** An orderly leave that takes longer goes on by itself. */
const leaveMs = 5_000;
/** A member that lived so long has put the failures before it right. */
const settledMs = 60_000;
const firstReconnectMs = 500;
const longestReconnectMs = 30_000;
/** So many failures in a row that kafkajs does not take for passing end the consumption. */
const mostFailures = 5;

/**
 * Consumes until `ended`. It never rejects: what cannot be mended by joining again ends the delivery with Misconfigured or
 * Unavailable.
 */
export async function keepMembership(options: MembershipOptions, ended: AbortSignal): Promise<void> {
  const { delivery, place, onEvent } = options;
  let failures = 0;
  let delayMs = firstReconnectMs;
  while (!ended.aborted) {
    const startedMs = performance.now();
    const end = await beMember(options, ended);
    if (end === undefined) return;
    if (performance.now() - startedMs > settledMs) {
      failures = 0;
      delayMs = firstReconnectMs;
    }
    if (!isPassing(end.error)) failures += 1;
    const fault = kafkaFault(end.error, place);
    if (!(fault instanceof Unavailable) || failures >= mostFailures) return delivery.fail(fault);
    // Nothing more is to be read, and what is in flight needs no member to finish.
    if (delivery.stopped.aborted) return;
    onEvent({ kind: "reconnecting", reason: messageOf(fault), delayMs });
    await sleep(delayMs, delivery.stopped);
    delayMs = Math.min(2 * delayMs, longestReconnectMs);
  }
}

/** One member from its joining to its end; undefined when that was wanted. */
async function beMember(
  options: MembershipOptions,
  ended: AbortSignal,
): Promise<{ readonly error: unknown } | undefined> {
  const { topic } = options.place;
  const assignment = assignmentOf(options);
  const consumer = createConsumer(options, assignment);
  const crashed = new Promise<{ readonly error: unknown }>((resolve) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload));
  });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    if (ended.aborted) return;
    const partitions = payload.memberAssignment[topic] ?? [];
    assignment.assign(consumer, partitions);
    options.onEvent({ kind: "assigned", topic, partitions });
  });
  const starting = start(consumer, topic, assignment, ended);
  const failed = starting.then(never, (error: unknown) => ({ error }));
  const end = await Promise.race([crashed, failed, aborted(ended)]);
  await assignment.revoke();
  await leave(consumer, starting);
  return end ?? undefined;
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

function assignmentOf({ place, delivery, times, ...options }: MembershipOptions): Assignment {
  return groupAssignment({
    topic: place.topic,
    delivery,
    // Twice what may be in flight, since messages that wait for a retry are held as well, and some to hand out next.
    maxHeldBytes: 2 * options.maxInFlightBytes + 16 * mebibyte,
    maxWaitingBytes: 2 * mebibyte,
    graceMs: times.revokeGraceMs ?? 5_000,
  });
}

async function start(
  consumer: Consumer,
  topic: string,
  assignment: Assignment,
  ended: AbortSignal,
): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  if (ended.aborted) return;
  await consumer.run({
    autoCommit: false,
    // It returns at once, so that kafkajs goes on fetching, and with it sends its heartbeats, however long a handler takes.
    eachBatch: async (payload) => assignment.take(payload),
  });
}

function createConsumer(options: MembershipOptions, assignment: Assignment): Consumer {
  const { place, times, maxMessageBytes } = options;
  const { sessionTimeoutMs = 30_000, rebalanceTimeoutMs = 60_000, metadataMaxAgeMs = 60_000 } = times;
  return options.newClient().consumer({
    groupId: place.group,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: times.heartbeatMs ?? Math.ceil(sessionTimeoutMs / 10),
    rebalanceTimeout: rebalanceTimeoutMs,
    metadataMaxAge: metadataMaxAgeMs,
    maxWaitTimeInMs: fetchWaitMs,
    // A partition whose next message does not fit would be left out of every fetch in which another one has something.
    maxBytesPerPartition: Math.max(2 * mebibyte, maxMessageBytes),
    maxBytes: Math.max(8 * mebibyte, maxMessageBytes),
    allowAutoTopicCreation: false,
    // It would start again in the same client, which does not survive everything; here it is always a new one.
    retry: { ...retries.consumer, restartOnFailure: async () => false },
    partitionAssigners: [
      roundRobinAfter(async () => {
        if (!assignment.isEmpty) options.onEvent({ kind: "rebalancing", topic: place.topic });
        await assignment.revoke();
      }),
    ],
  });
}

/**
 * kafkajs tells of a rebalance without waiting for anybody, and commits are worthless once the others have joined. But it
 * looks for the group's coordinator before each join, through the cluster that it shows to the assigner: there it waits.
 */
function roundRobinAfter(beforeJoin: () => Promise<void>): PartitionAssigner {
  return (config) => {
    const cluster: Cluster = config.cluster;
    const find = cluster.findGroupCoordinator.bind(cluster);
    cluster.findGroupCoordinator = async (group) => {
      await beforeJoin();
      return find(group);
    };
    return PartitionAssigners.roundRobin(config);
  };
}

/**
 * Leaves the group, so that its partitions go to others at once and not after the session timeout. A consumer that is told to
 * leave while it still starts would go on starting, so that is waited for.
 */
async function leave(consumer: Consumer, starting: Promise<void>): Promise<void> {
  const done = new AbortController();
  const leaving = starting
    .catch(() => undefined)
    .then(() => consumer.disconnect())
    .catch(() => undefined)
    .then(() => done.abort());
  await Promise.race([leaving, sleep(leaveMs, done.signal)]);
}
