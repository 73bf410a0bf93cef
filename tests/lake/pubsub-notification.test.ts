import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { announcementOf, deliveriesBefore, readNotice } from "../../lake/pubsub-notification.ts";

/** As Cloud Storage sends it for a new object. */
const attributes = {
  notificationConfig: "projects/_/buckets/pictures/notificationConfigs/1",
  eventType: "OBJECT_FINALIZE",
  payloadFormat: "JSON_API_V1",
  bucketId: "pictures",
  objectId: "originals/ab/u1",
  objectGeneration: "1764000000000001",
  eventTime: "2026-01-31T10:00:00.000000Z",
};
const resource = { kind: "storage#object", name: "originals/ab/u1", bucket: "pictures", size: "204800" };
const payload = (value: unknown) => Buffer.from(JSON.stringify(value));

describe("notification", () => {
  it("tells of the object, its generation and its size", () => {
    expect(readNotice({ attributes, data: payload(resource) })).toEqual({
      kind: "created",
      key: "originals/ab/u1",
      bucket: "pictures",
      generation: "1764000000000001",
      sizeBytes: 204_800,
    });
  });

  it.each([
    ["no payload", Buffer.alloc(0)],
    ["a payload that is cut off", payload(resource).subarray(0, 20)],
    ["a payload that is no object", payload("text")],
    ["a payload of null", payload(null)],
    ["a payload without a size", payload({ name: "x" })],
    ["a size that is no number", payload({ size: "large" })],
    ["a negative size", payload({ size: -1 })],
  ])("tells of the object without a size: %s", (_, data) => {
    expect(readNotice({ attributes, data })).toMatchObject({
      kind: "created",
      key: "originals/ab/u1",
      sizeBytes: undefined,
    });
  });

  it("names another event", () => {
    const removed = { ...attributes, eventType: "OBJECT_DELETE" };
    expect(readNotice({ attributes: removed, data: payload(resource) })).toEqual({
      kind: "other",
      eventType: "OBJECT_DELETE",
    });
  });

  it.each([
    ["no attributes", {}],
    ["no object", { eventType: "OBJECT_FINALIZE" }],
    ["an empty key", { ...attributes, objectId: "" }],
    ["no event", { objectId: "originals/ab/u1" }],
  ])("is foreign with %s", (_, some) => {
    expect(readNotice({ attributes: some, data: payload(resource) })).toEqual({ kind: "foreign" });
  });

  it("is read without an error, whatever the message holds", () => {
    const names = fc.constantFrom("eventType", "objectId", "bucketId", "objectGeneration", "__proto__");
    fc.assert(
      fc.property(fc.dictionary(names, fc.string()), fc.uint8Array(), (some, data) => {
        expect(["created", "other", "foreign"]).toContain(readNotice({ attributes: some, data }).kind);
      }),
    );
  });

  it("of an announcement is read like a bucket's", () => {
    const announcement = announcementOf("originals/ab/u1", "pictures", new Date("2026-01-31T10:00:00Z"));
    expect(readNotice({ ...announcement, data: Buffer.alloc(0) })).toEqual({
      kind: "created",
      key: "originals/ab/u1",
      bucket: "pictures",
      generation: undefined,
      sizeBytes: undefined,
    });
    expect(announcement.attributes.eventTime).toBe("2026-01-31T10:00:00.000Z");
  });

  it.each([
    ["5", 5],
    ["", undefined],
    ["many", undefined],
    [undefined, undefined],
  ])("of a dead letter tells how often it was delivered: %s", (text, count) => {
    const some = text === undefined ? {} : { CloudPubSubDeadLetterSourceDeliveryCount: text };
    expect(deliveriesBefore({ attributes: some })).toBe(count);
  });
});
