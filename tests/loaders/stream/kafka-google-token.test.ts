import { describe, expect, it } from "@jest/globals";
import { googleKafkaEnvelope } from "../../../loaders/stream/kafka-google-token.ts";

describe("the token for Google's Managed Service for Apache Kafka", () => {
  it("is header, claims and access token in unpadded URL-safe base64", () => {
    const account = "loader@project.iam.gserviceaccount.com";
    const envelope = googleKafkaEnvelope(
      { account, token: "ya29.a?b>c", expiresMs: 1_800_003_600_500 },
      1_800_000_000_900,
    );
    expect(envelope).toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/);
    const [header = "", claims = "", token = ""] = envelope
      .split(".")
      .map((part) => Buffer.from(part, "base64url").toString());
    expect(JSON.parse(header)).toEqual({ typ: "JWT", alg: "GOOG_OAUTH2_TOKEN" });
    expect(JSON.parse(claims)).toEqual({
      exp: 1_800_003_600,
      iat: 1_800_000_000,
      iss: "Google",
      scope: "kafka",
      sub: account,
    });
    expect(token).toBe("ya29.a?b>c");
  });
});
