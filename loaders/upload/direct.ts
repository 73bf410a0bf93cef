/** The routes of direct uploads: a place in the bucket to send an image to, so that its bytes need not pass this server. */

import { randomUUID } from "node:crypto";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { Refused } from "../../core/errors.ts";
import { uploadImageId } from "../../core/ids.ts";
import { incomingKey, isImageId, originalKey, refusalKey } from "../../lake/layout.ts";
import { shorten } from "../../lake/records.ts";
import { authenticate } from "./authenticate.ts";
import type { UploadEnvironment } from "./images.ts";
import {
  imageParamsSchema,
  problems,
  security,
  uploadHeadersSchema,
  uploadRequestSchema,
  uploadSchema,
  uploadStatusSchema,
} from "./schemas.ts";

export function directUploadRoutes(env: UploadEnvironment): FastifyPluginAsyncZod {
  return async (app) => {
    app.post("/v1/uploads", {
      bodyLimit: 16 * 1024,
      schema: {
        summary: "Ask for a place to send an image to",
        description:
          "For images that should not pass the web application: PUT the bytes to `upload_url`. What the door would check is checked when they have arrived.",
        headers: uploadHeadersSchema.pick({ "idempotency-key": true }),
        body: uploadRequestSchema,
        response: { 201: uploadSchema, ...problems },
        security,
      },
      async handler(request, reply) {
        const customer = await authenticate(env, request);
        const { size_bytes, content_type, file_name } = request.body;
        if (size_bytes > env.maxImageBytes)
          throw new Refused("too_large", "the image is too large", `at most ${env.maxImageBytes} bytes`);
        const key = request.headers["idempotency-key"] ?? randomUUID();
        const imageId = uploadImageId(customer.customer_id, key);
        const { url } = await uploadsOf(env).openUpload(incomingKey(imageId), {
          sizeBytes: size_bytes,
          metadata: {
            customer_id: customer.customer_id,
            source_ref: key,
            ...(content_type === undefined ? {} : { declared_type: shorten(content_type, 100) }),
            ...(file_name === undefined ? {} : { file_name: shorten(file_name, 255) }),
          },
          ...(content_type === undefined ? {} : { contentType: content_type }),
          ...(request.headers.origin === undefined ? {} : { origin: request.headers.origin }),
        });
        const upload = {
          image_id: imageId,
          method: "PUT",
          upload_url: url,
          url: `/v1/uploads/${imageId}`,
        } as const;
        return reply.status(201).header("location", upload.url).send(upload);
      },
    });

    app.get("/v1/uploads/:image_id", {
      schema: {
        summary: "What became of a direct upload",
        params: imageParamsSchema,
        response: { 200: uploadStatusSchema, ...problems },
        security,
      },
      async handler(request) {
        const customer = await authenticate(env, request);
        const { image_id } = request.params;
        const found = isImageId(image_id) ? await findUpload(env, image_id) : undefined;
        if (found?.customerId === customer.customer_id) {
          const { customerId: _, ...status } = found;
          return { image_id, ...status };
        }
        throw new Refused(
          "not_found",
          "there is no such upload, or its bytes have not arrived",
          "the id of an upload of yours whose bytes were all sent",
        );
      },
    });
  };
}

async function findUpload(env: UploadEnvironment, imageId: string) {
  const original = await env.lake.stat(originalKey(imageId));
  if (original !== undefined) {
    const customerId = original.metadata.customer_id;
    return {
      customerId,
      status: "received",
      reason: null,
      message: null,
      url: `/v1/images/${imageId}`,
    } as const;
  }
  const uploads = uploadsOf(env);
  const refusal = await uploads.stat(refusalKey(imageId));
  if (refusal !== undefined) {
    const { customer_id: customerId, reason = null, message = null } = refusal.metadata;
    return { customerId, status: "refused", reason, message, url: null } as const;
  }
  const waiting = await uploads.stat(incomingKey(imageId));
  if (waiting === undefined) return undefined;
  const customerId = waiting.metadata.customer_id;
  return { customerId, status: "waiting", reason: null, message: null, url: null } as const;
}

function uploadsOf({ uploads }: UploadEnvironment) {
  if (uploads !== undefined) return uploads;
  throw new Refused(
    "no_direct_uploads",
    "direct uploads are not offered here",
    "POST /v1/images with the image (an operator offers direct uploads by setting DARKROOM_UPLOADS)",
  );
}
