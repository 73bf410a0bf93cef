import { createHash, createVerify, generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { gcsLake } from "../../lake/gcs.ts";
import { signedLink } from "../../lake/gcs-link.ts";
import { manualClock } from "../manual-clock.ts";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const credentials = {
  client_email: "reader@p.iam.gserviceaccount.com",
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
};

describe("links to objects on Cloud Storage", () => {
  it("are signed by V4 for one object, reading and a span of time", async () => {
    const clock = manualClock(new Date(Math.floor(Date.now() / 1000) * 1000).toISOString());
    const lake = gcsLake({ bucket: "b", credentials, clock });
    const url = new URL(await lake.readUrl("renditions/ab/x/thumb.webp", { expiresInMs: 600_000 }));
    const stamp = clock
      .now()
      .toISOString()
      .replace(/[-:]|\.\d+/g, "");
    const scope = `${stamp.slice(0, 8)}/auto/storage/goog4_request`;
    expect(`${url.origin}${url.pathname}`).toBe(
      "https://storage.googleapis.com/b/renditions/ab/x/thumb.webp",
    );
    expect(Object.fromEntries(url.searchParams)).toEqual({
      "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
      "X-Goog-Credential": `${credentials.client_email}/${scope}`,
      "X-Goog-Date": stamp,
      "X-Goog-Expires": "600",
      "X-Goog-SignedHeaders": "host",
      "X-Goog-Signature": expect.stringMatching(/^[0-9a-f]{512}$/),
    });

    // What the service verifies: cloud.google.com/storage/docs/authentication/signatures.
    const query = url.search.slice(1).replace(/&X-Goog-Signature=.*/, "");
    const request = ["GET", url.pathname, query, `host:${url.host}`, "", "host", "UNSIGNED-PAYLOAD"].join(
      "\n",
    );
    const digest = createHash("sha256").update(request).digest("hex");
    const signed = createVerify("RSA-SHA256").update(["GOOG4-RSA-SHA256", stamp, scope, digest].join("\n"));
    expect(signed.verify(publicKey, String(url.searchParams.get("X-Goog-Signature")), "hex")).toBe(true);
  });

  it("last from a second to seven days", async () => {
    const lake = gcsLake({ bucket: "b", credentials });
    const week = 7 * 86_400_000;
    for (const expiresInMs of [0, 999, week + 1, Number.NaN]) {
      const link = lake.readUrl("a/key", { expiresInMs });
      await expect(link).rejects.toMatchObject({ name: "Refused", reason: "bad_expiry" });
    }
    expect(await lake.readUrl("a/key", { expiresInMs: week })).toContain("X-Goog-Expires=604800");
  });

  it("are for keys only", async () => {
    const lake = gcsLake({ bucket: "b", credentials });
    await expect(lake.readUrl("a/../b", { expiresInMs: 1000 })).rejects.toMatchObject({ name: "Refused" });
  });

  it("cannot be signed with a broken key, which no message shows", async () => {
    const broken = {
      ...credentials,
      private_key: "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----",
    };
    const error = await gcsLake({ bucket: "b", credentials: broken })
      .readUrl("a/key", { expiresInMs: 1000 })
      .catch((caught) => caught);
    expect(error).toMatchObject({ name: "Misconfigured", message: expect.stringContaining("gs://b/a/key") });
    expect(`${error.message}${JSON.stringify(error)}`).not.toContain("secret");
  });

  it("are not signed on a trial server, without looking for credentials", async () => {
    const lake = gcsLake({ bucket: "b", endpoint: "http://127.0.0.1:9" });
    await expect(lake.readUrl("a/key", { expiresInMs: 1000 })).rejects.toMatchObject({
      name: "Misconfigured",
    });
  });

  it("are the operator's matter when the account may not sign, and only unavailable when the signer is", async () => {
    const failing = (message: string) =>
      signedLink("gs://b/a/key", 1000, manualClock(), () => Promise.reject(new TypeError(message)));
    const denied = "Permission 'iam.serviceAccounts.signBlob' denied on resource (or it may not exist).";
    await expect(failing(denied)).rejects.toMatchObject({ name: "Misconfigured" });
    await expect(failing("connect ETIMEDOUT")).rejects.toMatchObject({ name: "Unavailable" });
  });
});
