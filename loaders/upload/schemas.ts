/** The upload API's shapes, once: requests are checked by them and /openapi.json is generated from them. */

import { z } from "zod";

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

export const imageParamsSchema = z.object({ image_id: z.string().max(64) });
export const renditionParamsSchema = z.object({
  image_id: z.string().max(64),
  rendition: z.string().max(64),
});
