/** Measures that every report of images has, defined once. */

/** The counts of images by status, and their bytes, over rows of int_submissions. */
const byStatus = `count(*) as images_received,
    countif(status = 'processed') as images_processed,
    countif(status = 'rejected') as images_rejected,
    countif(status = 'failed') as images_failed,
    countif(status = 'pending') as images_pending,
    sum(original_bytes) as original_bytes,
    sum(rendition_bytes) as rendition_bytes`;

const names = [
  "images_received",
  "images_processed",
  "images_rejected",
  "images_failed",
  "images_pending",
  "original_bytes",
  "rendition_bytes",
];

/**
 * The same columns of a relation that has them.
 * @param {string} relation
 */
function of(relation) {
  return names.map((name) => `${relation}.${name}`).join(",\n    ");
}

module.exports = { byStatus, names, of };
