import { describe, expect, it } from "@jest/globals";
import { hasTimedOut, sorted } from "../../lake/pubsub-errors.ts";

const name = "projects/p/subscriptions/worker";
const grpc = (code: number, message: string) => Object.assign(new Error(`${code} ${message}`), { code });

describe("errors of Pub/Sub", () => {
  it.each([
    [5, "NOT_FOUND: subscription"],
    [7, "PERMISSION_DENIED: User not authorized"],
    [16, "UNAUTHENTICATED: Request had invalid authentication credentials"],
    [3, "INVALID_ARGUMENT: Invalid resource name"],
    [9, "FAILED_PRECONDITION: Subscription is detached"],
  ])("are the operator's to mend: %s %s", (code, message) => {
    expect(sorted(grpc(code, message), name)).toMatchObject({
      name: "Misconfigured",
      problems: [expect.stringMatching(`^${name}: ${code} ${message}; `)],
    });
  });

  it("are the operator's to mend when no credentials are found", () => {
    expect(sorted(new Error("Could not load the default credentials."), name)).toMatchObject({
      name: "Misconfigured",
      message: expect.stringContaining("credentials"),
    });
  });

  it.each([
    [1, "CANCELLED"],
    [2, "UNKNOWN"],
    [4, "DEADLINE_EXCEEDED"],
    [8, "RESOURCE_EXHAUSTED: Quota exceeded"],
    [10, "ABORTED"],
    [13, "INTERNAL"],
    [14, "UNAVAILABLE: No connection established"],
  ])("pass: %s %s", (code, message) => {
    const error = grpc(code, message);
    expect(sorted(error, name)).toMatchObject({
      name: "Unavailable",
      message: `${name}: ${code} ${message}`,
      cause: error,
    });
  });

  it("pass when the network fails before the service is reached", () => {
    const error = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
    expect(sorted(error, name)).toMatchObject({ name: "Unavailable" });
  });

  it("tell what was not answered in time from what failed", () => {
    expect(hasTimedOut(grpc(4, "DEADLINE_EXCEEDED"))).toBe(true);
    expect(hasTimedOut(grpc(14, "UNAVAILABLE"))).toBe(false);
  });
});
