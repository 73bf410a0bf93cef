/** The upload API's shapes, once: requests are checked by them and /openapi.json is generated from them. */

import { z } from "zod";
import { problemSchema } from "./problem.ts";

const problem = problemSchema.meta({ id: "Problem", description: "Problem details, RFC 9457." });
/** What every route may answer beside its own. */
export const problems = { "4xx": problem, 503: problem };
export const security = [{ apiKey: [] }];

export const imageSchema = z
  .object({
    image_id: z.string().describe("Identity of this submission."),
    customer_id: z.string(),
    status: z.literal("received"),
    received_at: z.iso.datetime(),
    format: z.string().describe("The type by content, for example jpeg."),
    size_bytes: z.number().int(),
    content_sha256: z.string(),
    file_name: z.string().nullable(),
    url: z.string().describe("Where the status is."),
  })
  .meta({ id: "Image", description: "An image that is durably received." });

export const renditionSchema = z.object({
  name: z.string(),
  media_type: z.string(),
  width_px: z.number().int(),
  height_px: z.number().int(),
  size_bytes: z.number().int(),
  url: z.string(),
});

export const imageStatusSchema = z
  .object({
    ...imageSchema.shape,
    status: z.enum(["received", "processed", "rejected", "failed"]),
    processed_at: z.iso.datetime().nullable(),
    reason: z.string().nullable().describe("Why it was rejected or failed."),
    message: z.string().nullable().describe("The same for people."),
    width_px: z.number().int().nullable(),
    height_px: z.number().int().nullable(),
    renditions: z.array(renditionSchema),
  })
  .meta({ id: "ImageStatus", description: "An image and what became of it." });

export const uploadHeadersSchema = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, "1 to 255 visible ASCII characters")
    .optional()
    .describe(
      "Repeat it when you retry: the same key and bytes are received once. Without it every request is a new image.",
    ),
  "x-file-name": z
    .string()
    .max(2000)
    .optional()
    .describe("The file's name in UTF-8, percent-encoded (raw bodies)."),
});

export const uploadRequestSchema = z.object({
  size_bytes: z.number().int().min(1).describe("The size of the image: exactly so many bytes are taken."),
  content_type: z
    .string()
    .max(100)
    .optional()
    .describe("What the image is said to be; it is looked at all the same."),
  file_name: z.string().max(1000).optional(),
});

export const uploadSchema = z
  .object({
    image_id: z.string().describe("The identity that the image will have."),
    method: z.literal("PUT"),
    upload_url: z
      .string()
      .describe("Send the bytes there, without an API key; good for one image and for a week."),
    url: z.string().describe("Where it stands what became of the upload."),
  })
  .meta({ id: "Upload", description: "A place for one image, to be sent straight to the bucket." });

export const uploadStatusSchema = z
  .object({
    image_id: z.string(),
    status: z.enum(["waiting", "received", "refused"]),
    reason: z.string().nullable().describe("Why it was refused."),
    message: z.string().nullable().describe("The same for people."),
    url: z.string().nullable().describe("Where the image's own status is, once it is received."),
  })
  .meta({ id: "UploadStatus", description: "A direct upload and what became of it." });

export const imageParamsSchema = z.object({ image_id: z.string().max(64) });
export const renditionParamsSchema = z.object({
  image_id: z.string().max(64),
  rendition: z.string().max(64),
});
