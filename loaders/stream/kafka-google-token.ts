/** The token that Google's Managed Service for Apache Kafka takes by SASL/OAUTHBEARER: an access token in an envelope of its own. */

import type { GoogleAuth } from "google-auth-library";
import { Misconfigured, messageOf, Unavailable } from "../../core/errors.ts";

/** What is known of an account: whose it is, and an access token with the time at which it ends (ms since 1970). */
export interface AccessToken {
  readonly account: string;
  readonly token: string;
  readonly expiresMs: number;
}

/**
 * Three parts in URL-safe base64 without padding, joined by dots: a header, claims, and the access token itself. The form is
 * that of Google's own login handlers (github.com/googleapis/managedkafka: GcpLoginCallbackHandler.java and
 * kafka_gcp_credentials_server.py); the broker refuses a bare access token.
 */
export function googleKafkaEnvelope({ account, token, expiresMs }: AccessToken, nowMs: number): string {
  const header = { typ: "JWT", alg: "GOOG_OAUTH2_TOKEN" };
  const claims = {
    exp: Math.floor(expiresMs / 1000),
    iat: Math.floor(nowMs / 1000),
    iss: "Google",
    scope: "kafka",
    sub: account,
  };
  return [JSON.stringify(header), JSON.stringify(claims), token]
    .map((part) => Buffer.from(part, "utf8").toString("base64url"))
    .join(".");
}

/**
 * Tokens for this process' account (application default credentials), new ones as they expire. `account` is needed only for
 * credentials that do not tell whose they are, for example a person's.
 */
export function googleKafkaToken(account?: string): () => Promise<string> {
  let auth: GoogleAuth | undefined;
  return async () => {
    const library = await import("google-auth-library");
    auth ??= new library.GoogleAuth({ scopes: "https://www.googleapis.com/auth/cloud-platform" });
    return googleKafkaEnvelope(await accessToken(auth, account), Date.now());
  };
}

/** Google's access tokens hold for an hour at most; where the library does not tell, less is claimed. */
const assumedLifeMs = 10 * 60_000;

async function accessToken(auth: GoogleAuth, account: string | undefined): Promise<AccessToken> {
  try {
    const client = await auth.getClient();
    const { token } = await client.getAccessToken();
    const owner = account ?? (await auth.getCredentials()).client_email;
    if (!token) throw new Unavailable("Google gave no access token for Kafka");
    if (owner === undefined) throw unknownAccount();
    return {
      account: owner,
      token,
      expiresMs: client.credentials.expiry_date ?? Date.now() + assumedLifeMs,
    };
  } catch (error) {
    if (error instanceof Misconfigured || error instanceof Unavailable) throw error;
    throw new Unavailable(`No access token for Kafka: ${messageOf(error)}`, { cause: error });
  }
}

function unknownAccount(): Misconfigured {
  return new Misconfigured([
    "DARKROOM_KAFKA_USERNAME is not set, and Google's credentials do not tell whose they are: write the account's e-mail address",
  ]);
}
