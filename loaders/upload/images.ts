/** The routes of images: receive one, tell what became of it, hand out its renditions. */

import { randomUUID } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { Refused, Unavailable } from "../../core/errors.ts";
import { sha256, uploadImageId } from "../../core/ids.ts";
import type { Row } from "../../core/rows.ts";
import type { Lake, LakeLinks } from "../../lake/lake.ts";
import { isImageId, originalKey, outcomeKey, type RecipeId } from "../../lake/layout.ts";
import { readOutcome, recordOf } from "../../lake/records.ts";
import { type IntakeEnvironment, type Submission, takeIn, takeRefused } from "../intake.ts";
import { authenticate } from "./authenticate.ts";
import { readPicture } from "./body.ts";
import type { BodyBuffers } from "./buffers.ts";
import { problemOf, sendProblem, unavailable } from "./problem.ts";
import {
  imageParamsSchema,
  imageSchema,
  imageStatusSchema,
  problems,
  renditionParamsSchema,
  security,
  uploadHeadersSchema,
} from "./schemas.ts";

export interface UploadEnvironment extends IntakeEnvironment {
  /** Hands out links to renditions, so that their bytes need not pass this server; undefined where it passes them on. */
  readonly links?: Pick<LakeLinks, "readUrl"> | undefined;
  /** Where direct uploads go; undefined where there are none. */
  readonly uploads?: (Lake & LakeLinks) | undefined;
  /** The recipe whose renditions are shown. */
  readonly recipe: RecipeId;
  readonly buffers: BodyBuffers;
  /** Whether the platform can take more; false is answered with 503. */
  readonly hasRoom: () => Promise<boolean>;
}

/** A link to a rendition lives this long: long enough to show a page, too short to be passed on. */
const linkMs = 900_000;

export function imageRoutes(env: UploadEnvironment): FastifyPluginAsyncZod {
  return async (app) => {
    // Bodies are read by the handler, after authentication and within the budget.
    app.removeContentTypeParser(["application/json", "text/plain"]);
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));

    app.post("/v1/images", {
      schema: {
        summary: "Send an image",
        description:
          "The body is the image itself, or a form with one file. 201 when it is durably received; a repeat with the same Idempotency-Key and bytes is answered with 200 and the same body.",
        consumes: ["multipart/form-data", "image/*", "application/octet-stream"],
        headers: uploadHeadersSchema,
        response: { 200: imageSchema, 201: imageSchema, ...problems },
        security,
      },
      // The compiler has checked the answer's type; to check each answer again costs a fifth of what the door does.
      serializerCompiler: () => JSON.stringify,
      async handler(request, reply) {
        const customer = await authenticate(env, request);
        if (!(await env.hasRoom()))
          return sendProblem(reply, unavailable("too many images wait for processing"));
        let held = 0;
        const reserve = (bytes: number) => {
          if (!env.buffers.reserve(customer.customer_id, bytes))
            throw new Unavailable("too many bytes arrive at once");
          held += bytes;
        };
        try {
          const key = request.headers["idempotency-key"] ?? randomUUID();
          const { fault, ...picture } = await readPicture(request, env.maxImageBytes, reserve);
          const submission: Submission = {
            imageId: uploadImageId(customer.customer_id, key),
            source: "upload",
            sourceRef: key,
            customerId: customer.customer_id,
            ...picture,
            contentSha256: sha256(picture.bytes),
          };
          const receipt = await (fault ? takeRefused(env, submission, fault) : takeIn(env, submission));
          if (receipt.status === "refused") return sendProblem(reply, problemOf(receipt.refusal));
          const image = imageOf(receipt.record);
          return reply
            .status(receipt.isNew ? 201 : 200)
            .header("location", image.url)
            .send(image);
        } finally {
          env.buffers.release(customer.customer_id, held);
        }
      },
    });

    app.get("/v1/images/:image_id", {
      schema: {
        summary: "What became of an image",
        params: imageParamsSchema,
        response: { 200: imageStatusSchema, ...problems },
        security,
      },
      async handler(request) {
        const record = await ownRecord(env, request, request.params.image_id);
        return statusOf(record, await outcomeOf(env, record.image_id));
      },
    });

    app.get("/v1/images/:image_id/renditions/:rendition", {
      schema: {
        summary: "The bytes of a rendition",
        params: renditionParamsSchema,
        response: {
          200: z.any().describe("The picture."),
          302: z.any().describe("Where the picture is, for a quarter of an hour."),
          ...problems,
        },
        security,
      },
      async handler(request, reply) {
        const record = await ownRecord(env, request, request.params.image_id);
        const outcome = await outcomeOf(env, record.image_id);
        const rendition = outcome?.renditions.find(({ name }) => name === request.params.rendition);
        if (rendition !== undefined && env.links !== undefined) {
          const link = await env.links.readUrl(rendition.key, { expiresInMs: linkMs });
          return reply.header("cache-control", "private, no-store").redirect(link, 302);
        }
        const found = rendition && (await env.lake.read(rendition.key));
        if (rendition === undefined || found === undefined) throw notFound("rendition");
        return reply
          .type(rendition.media_type)
          .header("cache-control", "private, max-age=86400, immutable")
          .header("content-length", found.object.sizeBytes)
          .send(found.body);
      },
    });
  };
}

/** Other customers' images are answered as if they did not exist. */
async function ownRecord(
  env: UploadEnvironment,
  request: FastifyRequest,
  imageId: string,
): Promise<Row<"image_received">> {
  const customer = await authenticate(env, request);
  const object = isImageId(imageId) ? await env.lake.stat(originalKey(imageId)) : undefined;
  const record = object && recordOf("image_received", object);
  if (record?.customer_id === customer.customer_id) return record;
  throw notFound("image");
}

function notFound(what: "image" | "rendition"): Refused {
  return new Refused(
    "not_found",
    `there is no such ${what}`,
    what === "image" ? "the id of an image of yours" : "the id of a rendition of yours",
  );
}

/** A damaged outcome is the operator's to see, not the customer's: to them the image is received. */
async function outcomeOf(
  env: UploadEnvironment,
  imageId: string,
): Promise<Row<"image_processed"> | undefined> {
  try {
    return await readOutcome(env.lake, outcomeKey(imageId, env.recipe));
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

function imageOf(record: Row<"image_received">) {
  return {
    image_id: record.image_id,
    customer_id: record.customer_id,
    status: "received" as const,
    received_at: record.received_at,
    format: record.format,
    size_bytes: record.size_bytes,
    content_sha256: record.content_sha256,
    file_name: record.file_name,
    url: `/v1/images/${record.image_id}`,
  };
}

function statusOf(
  record: Row<"image_received">,
  outcome: Row<"image_processed"> | undefined,
): z.input<typeof imageStatusSchema> {
  const image = imageOf(record);
  return {
    ...image,
    status: (outcome?.status as "processed" | undefined) ?? image.status,
    processed_at: outcome?.processed_at ?? null,
    reason: outcome?.reason ?? null,
    message: outcome?.message ?? null,
    width_px: outcome?.width_px ?? null,
    height_px: outcome?.height_px ?? null,
    renditions: (outcome?.renditions ?? []).map(({ key: _, ...rendition }) => ({
      ...rendition,
      url: `${image.url}/renditions/${rendition.name}`,
    })),
  };
}
