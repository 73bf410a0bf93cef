/**
 * Cloud Storage's notifications as Pub/Sub messages: attributes tell which object and what happened to it, the payload is the
 * object's resource in JSON, or empty (https://cloud.google.com/storage/docs/pubsub-notifications).
 */

import type { Announcement, LeasedMessage } from "./pubsub-service.ts";

/** What a message tells. */
export type Notice =
  | {
      readonly kind: "created";
      readonly key: string;
      /** Undefined where the notice does not name one. */
      readonly bucket: string | undefined;
      /** Which object of that key; undefined for what `announce` told. */
      readonly generation: string | undefined;
      /** Undefined when the notice has no payload. */
      readonly sizeBytes: number | undefined;
    }
  /** Something else happened to an object. */
  | { readonly kind: "other"; readonly eventType: string }
  /** No notification of a bucket. */
  | { readonly kind: "foreign" };

const created = "OBJECT_FINALIZE";

/** Never throws: a message that cannot be read is `foreign`. */
export function readNotice({ attributes, data }: Pick<LeasedMessage, "attributes" | "data">): Notice {
  const { eventType, objectId, bucketId, objectGeneration } = attributes;
  if (!eventType || !objectId) return { kind: "foreign" };
  if (eventType !== created) return { kind: "other", eventType };
  return {
    kind: "created",
    key: objectId,
    bucket: bucketId,
    generation: objectGeneration,
    sizeBytes: sizeIn(data),
  };
}

/** The same form as the bucket's own notifications, without a payload. */
export function announcementOf(key: string, bucket: string | undefined, at: Date): Announcement {
  return {
    attributes: {
      ...(bucket === undefined ? {} : { bucketId: bucket }),
      objectId: key,
      eventType: created,
      eventTime: at.toISOString(),
      payloadFormat: "NONE",
    },
  };
}

/** How often a dead letter was delivered before it became one; undefined where the service does not say. */
export function deliveriesBefore({ attributes }: Pick<LeasedMessage, "attributes">): number | undefined {
  const count = Number(attributes.CloudPubSubDeadLetterSourceDeliveryCount);
  return Number.isSafeInteger(count) && count > 0 ? count : undefined;
}

/** The resource's `size`, a number of bytes written as text because it may pass 2^53. */
function sizeIn(data: Uint8Array): number | undefined {
  if (data.length === 0) return undefined;
  try {
    const resource: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    if (typeof resource !== "object" || resource === null || !("size" in resource)) return undefined;
    const size = Number(resource.size);
    return Number.isFinite(size) && size >= 0 ? size : undefined;
  } catch {
    return undefined;
  }
}
