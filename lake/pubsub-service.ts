/** What the arrivals need of Pub/Sub: the calls of its API, so that everything else runs without the client and without a server. */

/** A message that was leased from a subscription: nobody else gets it until the lease ends. */
export interface LeasedMessage {
  /** Names the lease, and is new at each delivery. */
  readonly ackId: string;
  /** Names the message, and stays the same. */
  readonly messageId: string;
  /** 1 at the first delivery; 0 where the subscription has no dead-letter policy, since the service only counts with one. */
  readonly attempt: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
}

export interface Announcement {
  readonly attributes: Readonly<Record<string, string>>;
}

export interface PullOptions {
  /** At most so many messages. */
  readonly most: number;
  /** How long to wait for the first one. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

/**
 * Subscriptions go by their full names. Each call is made once. Throws `Unavailable` for what may pass and `Misconfigured` for
 * what an operator must mend, both naming the subscription.
 */
export interface PubsubService {
  /** Resolves with what waits, as soon as anything does; with nothing when the patience or the signal ended. */
  pull(subscription: string, options: PullOptions): Promise<readonly LeasedMessage[]>;
  /** The messages will not come again; an old lease is no error, and its message may come again. */
  acknowledge(subscription: string, ackIds: readonly string[]): Promise<void>;
  /** The leases end so many whole seconds from now, 0 to 600. */
  setDeadline(subscription: string, ackIds: readonly string[], seconds: number): Promise<void>;
  /** Publishes to the topic of the subscription. */
  publish(subscription: string, announcements: readonly Announcement[]): Promise<void>;
  close(): Promise<void>;
}

/** Requests that acknowledge or extend may have 512 KiB; a lease's name has about 200 bytes, and Google's clients reckon with 500. */
export const mostAckIds = 1000;
