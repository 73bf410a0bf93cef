import { describe, expect, it } from "@jest/globals";
import { Misconfigured, Unavailable } from "../../../core/errors.ts";
import { isPassing, kafkaFault } from "../../../loaders/stream/kafka-errors.ts";

const place = { brokers: ["one:9092", "two:9092"], topic: "images", group: "darkroom" };
/** As kafkajs makes them: the reason is somewhere in the chain of causes. */
const thrown = (...chain: readonly object[]): unknown =>
  chain.reduceRight((cause: object | undefined, error) => ({ ...error, ...(cause && { cause }) }), undefined);
const exhausted = { name: "KafkaJSNumberOfRetriesExceeded", message: "again and again" };

describe("what kafkajs throws", () => {
  it.each([
    [{ name: "KafkaJSSASLAuthenticationError", message: "bad password" }, /DARKROOM_KAFKA_SASL/],
    [{ name: "KafkaJSNotImplemented", message: "LZ4 compression not implemented" }, /LZ4.*compression\.type/],
    [
      { name: "KafkaJSProtocolError", type: "UNKNOWN_TOPIC_OR_PARTITION", message: "no" },
      /there is no topic images/,
    ],
    [{ name: "KafkaJSProtocolError", type: "TOPIC_AUTHORIZATION_FAILED", message: "no" }, /topic images/],
    [{ name: "KafkaJSProtocolError", type: "GROUP_AUTHORIZATION_FAILED", message: "no" }, /group darkroom/],
    [{ name: "KafkaJSProtocolError", type: "INCONSISTENT_GROUP_PROTOCOL", message: "no" }, /another group/],
    [
      { name: "KafkaJSConnectionError", code: "SELF_SIGNED_CERT_IN_CHAIN", message: "no" },
      /DARKROOM_KAFKA_CA/,
    ],
    [
      { name: "KafkaJSConnectionError", code: "ERR_SSL_WRONG_VERSION_NUMBER", message: "no" },
      /DARKROOM_KAFKA_TLS/,
    ],
  ])("is the operator's fault: %j", (error, problem) => {
    for (const one of [error, thrown(exhausted, error), thrown(exhausted, { name: "KafkaJSError" }, error)]) {
      const fault = kafkaFault(one, place);
      expect(fault).toBeInstanceOf(Misconfigured);
      expect(fault.message).toMatch(problem);
      expect(fault.message).toMatch(/^Kafka at one:9092, two:9092: /);
    }
  });

  it("about a message that is too large is a refusal", () => {
    const fault = kafkaFault(thrown({ type: "MESSAGE_TOO_LARGE", message: "large" }), place);
    expect(fault).toMatchObject({ name: "Refused", reason: "too_large" });
  });

  it.each([
    [
      thrown(exhausted, {
        name: "KafkaJSConnectionError",
        code: "ECONNREFUSED",
        message: "connect ECONNREFUSED",
      }),
    ],
    [thrown({ name: "KafkaJSRequestTimeoutError", message: "timed out" })],
    [new TypeError("Cannot read properties of undefined")],
    ["a text"],
    [undefined],
  ])("is otherwise a fault that may pass: %j", (error) => {
    const fault = kafkaFault(error, place);
    expect(fault).toBeInstanceOf(Unavailable);
    expect(fault.message).toMatch(/^Kafka at one:9092, two:9092, topic images: ./);
  });

  it("keeps an error of ours that a token's maker threw", () => {
    const own = new Misconfigured(["DARKROOM_KAFKA_USERNAME is not set"]);
    expect(kafkaFault(Object.assign(new TypeError("wrapped"), { cause: own }), place)).toBe(own);
  });

  it("passes when kafkajs would try again, or a cluster only restarts", () => {
    expect(isPassing(thrown(exhausted, { name: "KafkaJSNonRetriableError" }))).toBe(true);
    expect(isPassing(thrown({ name: "KafkaJSNonRetriableError" }, { retriable: true }))).toBe(true);
    expect(isPassing({ name: "KafkaJSGroupCoordinatorNotFound", retriable: false })).toBe(true);
    expect(isPassing(new TypeError("a mistake in kafkajs"))).toBe(false);
  });

  it("with a circle of causes is understood too", () => {
    const one: { cause?: unknown; message: string } = { message: "round" };
    one.cause = { message: "and round", cause: one };
    expect(kafkaFault(one, place).message).toMatch(/and round$/);
  });
});
