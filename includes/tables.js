/**
 * Every raw table's schema, once. From here come the warehouse's tables, the Dataform declarations with their column texts,
 * the validators and the TypeScript row types (core/rows.ts). A column is added at the end as NULLABLE and never changed.
 */

const received = /** @type {const} */ ({
  name: "image_received",
  description:
    "One row per image whose original is in the lake: the original's metadata. May hold a row twice.",
  partitionBy: "received_at",
  clusterBy: ["customer_id"],
  columns: [
    {
      name: "event_id",
      type: "STRING",
      mode: "REQUIRED",
      description: "Identity of the row; equal rows of a redelivery share it.",
    },
    {
      name: "image_id",
      type: "STRING",
      mode: "REQUIRED",
      description:
        "Identity of the submission: a letter for the door (u upload, s stream, f folder) and a hash.",
    },
    { name: "customer_id", type: "STRING", mode: "REQUIRED", description: "The customer whose image it is." },
    {
      name: "source",
      type: "STRING",
      mode: "REQUIRED",
      description: "The door it came through: upload, stream or folder.",
    },
    {
      name: "source_ref",
      type: "STRING",
      description:
        "Where in the source: the idempotency key, topic/partition/offset, or the path below the ingested folder.",
    },
    {
      name: "received_at",
      type: "TIMESTAMP",
      mode: "REQUIRED",
      description: "When the door took the image.",
    },
    {
      name: "declared_type",
      type: "STRING",
      description: "The media type that the sender claimed; not trusted.",
    },
    { name: "file_name", type: "STRING", description: "The name that the sender gave; text of a customer." },
    { name: "size_bytes", type: "INT64", mode: "REQUIRED", description: "Size of the original in bytes." },
    {
      name: "content_sha256",
      type: "STRING",
      mode: "REQUIRED",
      description: "SHA-256 of the original's bytes in hexadecimal.",
    },
    {
      name: "format",
      type: "STRING",
      mode: "REQUIRED",
      description: "The image format by content, as in dim_image_type.",
    },
  ],
});

const processed = /** @type {const} */ ({
  name: "image_processed",
  description: "One row per outcome of an image under a recipe. May hold a row twice.",
  partitionBy: "processed_at",
  clusterBy: ["customer_id"],
  columns: [
    {
      name: "event_id",
      type: "STRING",
      mode: "REQUIRED",
      description: "Identity of the row: image, recipe and its version.",
    },
    { name: "image_id", type: "STRING", mode: "REQUIRED", description: "The image that was processed." },
    { name: "customer_id", type: "STRING", mode: "REQUIRED", description: "The customer whose image it is." },
    { name: "recipe", type: "STRING", mode: "REQUIRED", description: "Name of the recipe." },
    {
      name: "recipe_version",
      type: "INT64",
      mode: "REQUIRED",
      description: "Version of the recipe; a change of what it makes is a new version.",
    },
    {
      name: "status",
      type: "STRING",
      mode: "REQUIRED",
      description: "processed, rejected (the image's fault) or failed (ours, after the last attempt).",
    },
    {
      name: "reason",
      type: "STRING",
      description: "Machine word for why it was rejected or failed; NULL when processed.",
    },
    { name: "message", type: "STRING", description: "The same for people; NULL when processed." },
    {
      name: "attempts",
      type: "INT64",
      mode: "REQUIRED",
      description: "Which attempt gave this outcome, counted from 1.",
    },
    {
      name: "started_at",
      type: "TIMESTAMP",
      mode: "REQUIRED",
      description: "When the worker took the image for this attempt.",
    },
    {
      name: "processed_at",
      type: "TIMESTAMP",
      mode: "REQUIRED",
      description: "When the outcome was made; the archive counts from here.",
    },
    {
      name: "duration_ms",
      type: "FLOAT64",
      mode: "REQUIRED",
      description: "Milliseconds from start to outcome of this attempt.",
    },
    {
      name: "processor",
      type: "STRING",
      mode: "REQUIRED",
      description: "The processor that made the renditions.",
    },
    { name: "processor_version", type: "STRING", mode: "REQUIRED", description: "Version of the processor." },
    { name: "format", type: "STRING", description: "Format as decoded; NULL when it could not be decoded." },
    { name: "width_px", type: "INT64", description: "Width as shown (after orientation), in pixels." },
    { name: "height_px", type: "INT64", description: "Height as shown (after orientation), in pixels." },
    {
      name: "colour_space",
      type: "STRING",
      description: "Colour space of the original, for example srgb, b-w or cmyk.",
    },
    { name: "has_alpha", type: "BOOL", description: "Whether the original has transparency." },
    { name: "frames", type: "INT64", description: "Number of frames or pages." },
    {
      name: "orientation",
      type: "INT64",
      description: "EXIF orientation, 1 to 8; 1 when the image says nothing.",
    },
    {
      name: "capture_time_local",
      type: "STRING",
      description: "EXIF capture time by the camera's own clock, without a zone: YYYY-MM-DDTHH:MM:SS.",
    },
    {
      name: "perceptual_hash",
      type: "STRING",
      description: "64-bit perceptual hash in hexadecimal: alike images differ in few bits.",
    },
    {
      name: "content_sha256",
      type: "STRING",
      mode: "REQUIRED",
      description: "SHA-256 of the bytes that were processed.",
    },
    {
      name: "renditions",
      type: "RECORD",
      mode: "REPEATED",
      description: "What the recipe made.",
      fields: [
        {
          name: "name",
          type: "STRING",
          mode: "REQUIRED",
          description: "Name of the rendition in the recipe.",
        },
        { name: "key", type: "STRING", mode: "REQUIRED", description: "Key in the image lake." },
        { name: "media_type", type: "STRING", mode: "REQUIRED", description: "Media type of the rendition." },
        { name: "width_px", type: "INT64", mode: "REQUIRED", description: "Width in pixels." },
        { name: "height_px", type: "INT64", mode: "REQUIRED", description: "Height in pixels." },
        { name: "size_bytes", type: "INT64", mode: "REQUIRED", description: "Size in bytes." },
      ],
    },
    {
      name: "labels",
      type: "RECORD",
      mode: "REPEATED",
      description: "What models say the image shows; empty when no model is installed.",
      fields: [
        { name: "name", type: "STRING", mode: "REQUIRED", description: "The label." },
        {
          name: "score",
          type: "FLOAT64",
          mode: "REQUIRED",
          description: "The model's confidence from 0 to 1.",
        },
        { name: "model", type: "STRING", mode: "REQUIRED", description: "Name and version of the model." },
      ],
    },
  ],
});

const rejected = /** @type {const} */ ({
  name: "image_rejected",
  description:
    "One row per image or message that was refused, at a door or by the processor; its bytes lie under rejected/. May hold a row twice.",
  partitionBy: "rejected_at",
  clusterBy: ["customer_id"],
  columns: [
    {
      name: "event_id",
      type: "STRING",
      mode: "REQUIRED",
      description: "Identity of the row: the reject id, which is the image id when the processor refused.",
    },
    {
      name: "stage",
      type: "STRING",
      mode: "REQUIRED",
      description:
        "door (it never became an image), processor (an accepted image that cannot be processed), arrival (an accepted image whose notice could not be delivered) or load (a record that does not fit its table).",
    },
    {
      name: "customer_id",
      type: "STRING",
      description: "The customer as far as it was known; NULL when the sender named none.",
    },
    {
      name: "source",
      type: "STRING",
      mode: "REQUIRED",
      description: "The door it came through: upload, stream or folder.",
    },
    { name: "source_ref", type: "STRING", description: "Where in the source, as in image_received." },
    { name: "rejected_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When it was refused." },
    {
      name: "reason",
      type: "STRING",
      mode: "REQUIRED",
      description: "Machine word for the reason, for example type_not_allowed.",
    },
    { name: "message", type: "STRING", description: "The reason for people." },
    { name: "declared_type", type: "STRING", description: "The media type that the sender claimed." },
    { name: "file_name", type: "STRING", description: "The name that the sender gave." },
    { name: "size_bytes", type: "INT64", description: "Bytes that are kept under rejected/." },
    { name: "content_sha256", type: "STRING", description: "SHA-256 of the bytes that are kept." },
  ],
});

const removed = /** @type {const} */ ({
  name: "image_removed",
  description: "One row per object that the archive moved or deleted.",
  partitionBy: "removed_at",
  clusterBy: ["customer_id"],
  columns: [
    { name: "event_id", type: "STRING", mode: "REQUIRED", description: "Identity of the row." },
    { name: "image_id", type: "STRING", mode: "REQUIRED", description: "The image whose bytes went." },
    {
      name: "customer_id",
      type: "STRING",
      mode: "REQUIRED",
      description: "The customer whose image it was.",
    },
    { name: "removed_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When it was removed." },
    {
      name: "action",
      type: "STRING",
      mode: "REQUIRED",
      description: "deleted, or moved to another storage class.",
    },
    { name: "reason", type: "STRING", mode: "REQUIRED", description: "The rule or request behind it." },
    { name: "size_bytes", type: "INT64", description: "Bytes that went." },
  ],
});

const customer = /** @type {const} */ ({
  name: "customer",
  description: "Full snapshots of the customers: one row per customer and import. May hold a row twice.",
  partitionBy: "snapshot_at",
  clusterBy: ["customer_id"],
  columns: [
    {
      name: "event_id",
      type: "STRING",
      mode: "REQUIRED",
      description: "Identity of the row: snapshot and customer.",
    },
    { name: "customer_id", type: "STRING", mode: "REQUIRED", description: "Identity of the customer." },
    {
      name: "snapshot_at",
      type: "TIMESTAMP",
      mode: "REQUIRED",
      description: "When the snapshot was taken; equal for all rows of one snapshot.",
    },
    { name: "name", type: "STRING", mode: "REQUIRED", description: "Name for people." },
    { name: "plan", type: "STRING", description: "What the customer has booked." },
    { name: "country", type: "STRING", description: "ISO 3166-1 alpha-2 code." },
    { name: "is_active", type: "BOOL", mode: "REQUIRED", description: "Whether its images are accepted." },
  ],
});

const pipelineRun = /** @type {const} */ ({
  name: "pipeline_run",
  description: "One row per thing that darkroom itself did: a load, a model run, an assertion, a sweep.",
  partitionBy: "started_at",
  clusterBy: ["kind"],
  columns: [
    { name: "event_id", type: "STRING", mode: "REQUIRED", description: "Identity of the row." },
    {
      name: "run_id",
      type: "STRING",
      mode: "REQUIRED",
      description: "Shared by everything one command or schedule did.",
    },
    { name: "kind", type: "STRING", mode: "REQUIRED", description: "load, model or assertion." },
    { name: "name", type: "STRING", mode: "REQUIRED", description: "The raw table, model or assertion." },
    { name: "started_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When it began." },
    { name: "ended_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When it ended." },
    { name: "outcome", type: "STRING", mode: "REQUIRED", description: "done, failed or skipped." },
    { name: "rows", type: "INT64", description: "Rows loaded, written or found offending." },
    { name: "message", type: "STRING", description: "Why it failed or was skipped." },
    {
      name: "bytes_billed",
      type: "INT64",
      description: "What the warehouse's service bills for it, in bytes; 0 where nothing is billed.",
    },
  ],
});

/** In the order in which an image's life fills them. */
const tables = /** @type {const} */ ([received, processed, rejected, removed, customer, pipelineRun]);

/** Columns that the loader adds to every raw table. */
const technicalColumns = /** @type {const} */ ([
  {
    name: "_segment",
    type: "STRING",
    mode: "REQUIRED",
    description: "The segment that the row was loaded from.",
  },
  // Not required: a BigQuery load job leaves it out, and the table's default fills it.
  { name: "_loaded_at", type: "TIMESTAMP", description: "When the row was loaded." },
]);

/**
 * The column texts in the form of a Dataform declaration: name → text, or name → text and fields for a record.
 * @param {readonly {name: string, description: string, fields?: readonly any[]}[]} columns
 * @returns {Record<string, any>}
 */
function columnTexts(columns) {
  return Object.fromEntries(
    columns.map((column) => [
      column.name,
      column.fields
        ? { description: column.description, columns: columnTexts(column.fields) }
        : column.description,
    ]),
  );
}

module.exports = { tables, technicalColumns, columnTexts };
