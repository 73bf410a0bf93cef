/** The upload door: an HTTP server with the image routes, a page to drop pictures on, and what operators probe. */

import { readFile } from "node:fs/promises";
import multipart from "@fastify/multipart";
import swagger from "@fastify/swagger";
import fastify, { type FastifyInstance } from "fastify";
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import { Refused } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Metrics } from "../../core/metrics.ts";
import { directUploadRoutes } from "./direct.ts";
import { imageRoutes, type UploadEnvironment } from "./images.ts";
import { problemHandler, problemOf, sendProblem } from "./problem.ts";

/** What a server needs that operators can probe. */
export interface ProbedEnvironment {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Throws when the platform cannot do its work. */
  readonly checkReady: () => Promise<void>;
  /** Brings the gauges up to date. */
  readonly beforeMetrics?: () => Promise<void>;
}

export interface ServerEnvironment extends UploadEnvironment, ProbedEnvironment {
  readonly version: string;
}

/** A connection on which nothing moves for so long is closed; a slow one has a quarter of an hour for a request. */
const idleTimeoutMs = 20_000;
const requestTimeoutMs = 900_000;

const pageFiles = { "/": "text/html", "/page.js": "text/javascript", "/page.css": "text/css" } as const;

/** Everything that the page loads is this server's own; pictures are shown from memory (blob:). */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The upload door, not yet listening. */
export async function uploadServer(env: ServerEnvironment): Promise<FastifyInstance> {
  const app = bareServer(env);
  await app.register(multipart, {
    limits: { fieldSize: 10_000, fields: 20, fileSize: Number.MAX_SAFE_INTEGER },
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "darkroom upload API",
        version: env.version,
        description: "Send images and see what became of them.",
      },
      components: {
        securitySchemes: { apiKey: { type: "http", scheme: "bearer", description: "An API key." } },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(imageRoutes(env));
  await app.register(directUploadRoutes(env));
  operatorRoutes(app, env);
  app.get("/openapi.json", hidden, async () => app.swagger());
  await pageRoutes(app);
  return app;
}

/** A server for a process without an upload door: what operators probe, and nothing else. Not yet listening. */
export function probedServer(env: ProbedEnvironment): FastifyInstance {
  const app = bareServer(env);
  operatorRoutes(app, env);
  return app;
}

function bareServer(env: ProbedEnvironment): FastifyInstance {
  const app = fastify({
    connectionTimeout: idleTimeoutMs,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: "idle",
    bodyLimit: Number.MAX_SAFE_INTEGER,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(problemHandler(env.log));
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(
      reply,
      problemOf(new Refused("not_found", "there is nothing here", "a path of /openapi.json")),
    ),
  );
  app.addHook("onSend", async (_request, reply) => {
    reply.header("x-content-type-options", "nosniff");
  });
  return app;
}

const hidden = { schema: { hide: true } };

function operatorRoutes(app: FastifyInstance, env: ProbedEnvironment): void {
  app.get("/healthz", hidden, async () => ({ status: "ok" }));
  app.get("/readyz", hidden, async () => {
    await env.checkReady();
    return { status: "ready" };
  });
  app.get("/metrics", hidden, async (_request, reply) => {
    await env.beforeMetrics?.();
    return reply.type(env.metrics.registry.contentType).send(await env.metrics.registry.metrics());
  });
}

async function pageRoutes(app: FastifyInstance): Promise<void> {
  for (const [path, type] of Object.entries(pageFiles)) {
    const file = new URL(`page/${path === "/" ? "index.html" : path.slice(1)}`, import.meta.url);
    const content = await readFile(file);
    app.get(path, { schema: { hide: true } }, async (_request, reply) =>
      reply
        .type(`${type}; charset=utf-8`)
        .header("content-security-policy", pagePolicy)
        .header("cache-control", "no-cache")
        .send(content),
    );
  }
}
