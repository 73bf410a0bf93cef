/**
 * Arrivals by Pub/Sub: the notifications that a Cloud Storage bucket sends to a topic, read from a subscription.
 *
 * The low-level client is used, one pull a call: the port delivers when it is asked, and the high-level one when it can.
 * A subscription needs no exactly-once delivery, for a repeat finds its outcome; it should have a dead-letter policy, since
 * only then does the service count deliveries, with more attempts than the worker makes.
 */

import { type CallOptions, type ClientConfig, PubSub, type protos, v1 } from "@google-cloud/pubsub";
import { GoogleAuth, PassThroughClient } from "google-auth-library";
import type { Arrivals } from "./arrivals.ts";
import { hasTimedOut, sorted } from "./pubsub-errors.ts";
import { pubsubReceiver, type ReceivingOptions } from "./pubsub-receiver.ts";
import type { LeasedMessage, PubsubService } from "./pubsub-service.ts";

export interface PubsubArrivalsOptions extends ReceivingOptions {
  readonly project: string;
  /** A name in the project, or a full name `projects/PROJECT/subscriptions/NAME`. */
  readonly subscription: string;
  /** The subscription of the dead-letter topic; its arrivals are delivered with `isDeadLetter`. @default none */
  readonly deadLetters?: string;
  /** `HOST:PORT` of a server for trials: without encryption and credentials. @default Google's */
  readonly endpoint?: string;
}

/** Connects when it is first used, so it does not fail and does not wait. */
export function pubsubArrivals(options: PubsubArrivalsOptions): Arrivals {
  const fullName = (name: string) =>
    name.includes("/") ? name : `projects/${options.project}/subscriptions/${name}`;
  const main = { subscription: fullName(options.subscription), isDeadLetter: false };
  const dead = options.deadLetters && { subscription: fullName(options.deadLetters), isDeadLetter: true };
  return pubsubReceiver(connect(options), dead ? [main, dead] : [main], options);
}

type ClientOptions = NonNullable<ConstructorParameters<typeof v1.SubscriberClient>[0]>;
type ClientAuth = NonNullable<ClientConfig["auth"]>;

/** Calls that change one lease's end or publish; a pull has its own patience. */
const callTimeoutMs = 10_000;

/**
 * What Google's own high-level client sets for connections that die in silence; and after an outage, gRPC would otherwise wait
 * up to two minutes before it connects again.
 */
const channel = {
  "grpc.keepalive_time_ms": 300_000,
  "grpc.keepalive_timeout_ms": 20_000,
  "grpc.max_reconnect_backoff_ms": 10_000,
} as const;

function connect({ project, endpoint }: PubsubArrivalsOptions): PubsubService {
  const config = once(() => clientOptions(project, endpoint));
  const subscriber = once(async () => opened(new v1.SubscriberClient(await config())));
  const publisher = once(async () => opened(new v1.PublisherClient(await config())));
  const topics = new Map<string, string>();

  async function topicOf(subscription: string): Promise<string> {
    const known = topics.get(subscription);
    if (known !== undefined) return known;
    const [{ topic }] = await (await subscriber()).getSubscription({ subscription }, callOptions());
    topics.set(subscription, topic ?? "");
    return topic ?? "";
  }

  return {
    async pull(subscription, { most, patienceMs, signal }) {
      const request = { subscription, maxMessages: most };
      try {
        const client = await subscriber();
        return await pullOnce(client, request, patienceMs, signal).catch((error) => {
          if (!hasTimedOut(error)) throw error;
          // An empty subscription keeps a call waiting just as a dead service does; this one is answered at once.
          return pullOnce(client, { ...request, returnImmediately: true }, callTimeoutMs, signal);
        });
      } catch (error) {
        if (signal.aborted) return [];
        throw sorted(error, subscription);
      }
    },
    acknowledge: (subscription, ackIds) =>
      sortingErrors(subscription, async () =>
        (await subscriber()).acknowledge({ subscription, ackIds: [...ackIds] }, callOptions()),
      ),
    setDeadline: (subscription, ackIds, ackDeadlineSeconds) =>
      sortingErrors(subscription, async () =>
        (await subscriber()).modifyAckDeadline(
          { subscription, ackIds: [...ackIds], ackDeadlineSeconds },
          callOptions(),
        ),
      ),
    publish: (subscription, announcements) =>
      sortingErrors(`the topic of ${subscription}`, async () => {
        const topic = await topicOf(subscription);
        await (await publisher()).publish({ topic, messages: [...announcements] }, callOptions());
      }),
    async close() {
      // A client that never found its credentials has nothing to close, and says so.
      await Promise.allSettled([subscriber.made()?.then(closeClient), publisher.made()?.then(closeClient)]);
    },
  };
}

async function pullOnce(
  client: v1.SubscriberClient,
  request: protos.google.pubsub.v1.IPullRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly LeasedMessage[]> {
  if (signal.aborted) return [];
  // The client's own method of that name gives no way to cancel; its routing header is added here.
  const headers = {
    "x-goog-request-params": `subscription=${encodeURIComponent(String(request.subscription))}`,
  };
  const options = { ...callOptions(timeoutMs), otherArgs: { headers } };
  const call: Cancellable<protos.google.pubsub.v1.IPullResponse> = client.innerApiCalls.pull?.(
    request,
    options,
  );
  const cancel = () => call.cancel();
  signal.addEventListener("abort", cancel);
  try {
    const [{ receivedMessages }] = await call;
    return (receivedMessages ?? []).map(leasedMessage);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

interface Cancellable<Response> extends Promise<[Response]> {
  cancel(): void;
}

function leasedMessage(received: protos.google.pubsub.v1.IReceivedMessage): LeasedMessage {
  const { attributes, messageId, data } = received.message ?? {};
  return {
    ackId: received.ackId ?? "",
    messageId: messageId ?? "",
    attempt: received.deliveryAttempt ?? 0,
    attributes: attributes ?? {},
    data: typeof data === "string" ? Buffer.from(data, "base64") : (data ?? Buffer.alloc(0)),
  };
}

/** Without the client's retries: who calls knows better what may wait. */
function callOptions(timeout = callTimeoutMs): CallOptions {
  return { timeout, retry: null };
}

async function clientOptions(projectId: string, endpoint: string | undefined): Promise<ClientOptions> {
  if (endpoint === undefined) return { projectId, ...channel };
  // No credentials, which would be looked for on the network. The client has its own version of GoogleAuth, which does the same.
  const auth = new GoogleAuth({ authClient: new PassThroughClient() }) as unknown as ClientAuth;
  // The high-level client knows how to be without encryption.
  const client = new PubSub({ projectId, apiEndpoint: endpoint, emulatorMode: true, auth, ...channel });
  return (await client.getClientConfig()) as ClientOptions;
}

/** Finds the credentials, so that a call does not do it, whose failure nobody could catch. */
async function opened<Client extends v1.SubscriberClient | v1.PublisherClient>(
  client: Client,
): Promise<Client> {
  await client.initialize();
  return client;
}

function closeClient(client: v1.SubscriberClient | v1.PublisherClient): Promise<void> {
  return client.close();
}

async function sortingErrors(name: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    throw sorted(error, name);
  }
}

/** Made at the first call, and again after it failed. */
function once<T>(make: () => Promise<T>): (() => Promise<T>) & { made(): Promise<T> | undefined } {
  let making: Promise<T> | undefined;
  const get = async () => {
    making ??= make();
    try {
      return await making;
    } catch (error) {
      making = undefined;
      throw error;
    }
  };
  return Object.assign(get, { made: () => making });
}
