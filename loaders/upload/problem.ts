/** Errors over HTTP as problem details (RFC 9457): what is wrong, and in `expected` what would have been right. */

import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { z } from "zod";
import { hasCode, Refused, Unavailable } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";

export const problemSchema = z.object({
  type: z.string().describe("A URI reference for the kind of problem; the last part is its machine word."),
  title: z.string().describe("The kind of problem, for people."),
  status: z.number().int().describe("The HTTP status."),
  detail: z.string().describe("What is wrong with this request."),
  expected: z.string().describe("What would have been right."),
});

export type Problem = z.output<typeof problemSchema>;

/** Which status answers which reason; whatever is not named here is 422, understood but not acceptable. */
const statuses: Readonly<Record<string, number>> = {
  bad_request: 400,
  bad_file_name: 400,
  empty: 400,
  unauthenticated: 401,
  inactive_customer: 403,
  not_found: 404,
  no_direct_uploads: 404,
  already_there: 409,
  too_large: 413,
  type_not_allowed: 415,
};

const titles: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "API key missing or unknown",
  403: "Not allowed",
  404: "Not found",
  409: "Already there",
  413: "Image too large",
  415: "Type not allowed",
  422: "Image not acceptable",
  503: "Try again later",
};

/** The problem of a refusal. */
export function problemOf({ reason, message, expected }: Refused): Problem {
  const status = statuses[reason] ?? 422;
  return {
    type: `/problems/${reason}`,
    title: titles[status] ?? "Problem",
    status,
    detail: message,
    expected,
  };
}

/** Sends a problem with its headers. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.status === 401) reply.header("www-authenticate", 'Bearer realm="darkroom"');
  if (problem.status === 503) reply.header("retry-after", "5");
  return reply
    .status(problem.status)
    .type("application/problem+json")
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problem);
}

/** Fastify's error handler: refusals and outages as they are, the framework's own by their status, all else as 500. */
export function problemHandler(log: Log) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof Refused) return sendProblem(reply, problemOf(error));
    if (error instanceof Unavailable) {
      log.warn({ error: error.message, path: request.routeOptions.url }, "request given back");
      return sendProblem(reply, unavailable("the image could not be stored just now"));
    }
    if (hasZodFastifySchemaValidationErrors(error)) {
      const detail = error.validation.map((issue) => `${issue.instancePath || "request"}: ${issue.message}`);
      return sendProblem(
        reply,
        problemOf(new Refused("bad_request", detail.join("; "), "a request as in /openapi.json")),
      );
    }
    const status = error.statusCode ?? 500;
    if (status < 500) {
      return sendProblem(reply, {
        ...problemOf(new Refused("bad_request", error.message, "a request as in /openapi.json")),
        status,
        title: titles[status] ?? "Bad request",
      });
    }
    if (hasCode(error, "ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE")) {
      log.debug({ path: request.routeOptions.url }, "the sender went away");
      return reply;
    }
    log.error({ error: error.message, stack: error.stack, path: request.routeOptions.url }, "request failed");
    return sendProblem(reply, {
      type: "/problems/internal",
      title: "Internal error",
      status: 500,
      detail: "the request failed for a reason that is not yours",
      expected: "the same request later; nothing was received",
    });
  };
}

/** The answer when darkroom cannot take more just now. */
export function unavailable(detail: string): Problem {
  return {
    type: "/problems/unavailable",
    title: titles[503] ?? "Try again later",
    status: 503,
    detail,
    expected: "the same request, with the same Idempotency-Key, after the seconds in Retry-After",
  };
}
