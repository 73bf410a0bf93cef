/** Who sends: the customer of the API key that a request carries. */

import type { FastifyRequest } from "fastify";
import { Refused } from "../../core/errors.ts";
import type { Customer } from "../customers/customers.ts";
import type { IntakeEnvironment } from "../intake.ts";

/** The customer of `Authorization: Bearer KEY` or `X-API-Key: KEY`. Throws `Refused` for none, an unknown or an inactive one. */
export async function authenticate(
  env: Pick<IntakeEnvironment, "customers" | "metrics">,
  request: FastifyRequest,
): Promise<Customer> {
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const apiKey = bearer ?? request.headers["x-api-key"];
  const customer = typeof apiKey === "string" ? await env.customers.customerOfKey(apiKey) : undefined;
  if (customer?.is_active) return customer;
  if (customer !== undefined) {
    throw new Refused(
      "inactive_customer",
      "the customer of this API key is inactive",
      "the key of an active customer",
    );
  }
  env.metrics.refused.inc({ source: "upload", reason: "unauthenticated" });
  throw new Refused(
    "unauthenticated",
    apiKey === undefined ? "the request carries no API key" : "the API key is unknown",
    "Authorization: Bearer KEY, with a key of `darkroom customers key CUSTOMER`",
  );
}
