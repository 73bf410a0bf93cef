/** Texts of columns that more than one model has, so that a word means the same everywhere. */

module.exports = {
  customer_id: "Identity of the customer; (none) where the sender named none.",
  image_id: "Identity of the submission: a letter for the door (u upload, s stream, f folder) and a hash.",
  image_type:
    "Key of dim_image_type: the format by content, for example jpeg; unknown where the content was no allowed image.",
  source: "The door it came through: upload, stream or folder.",
  status: "processed, rejected, failed, or pending while there is no outcome yet.",
  received_at: "When the door took it.",
  received_date: "UTC date of received_at.",
  reason: "Machine word for why it was rejected or failed; NULL otherwise.",
  content_sha256: "SHA-256 of the original's bytes in hexadecimal: equal contents have equal values.",
  images_received: "Everything that was sent: accepted images and what a door refused.",
  images_processed: "Images with renditions.",
  images_rejected: "Refused at a door, or accepted and then found to be no sound image.",
  images_failed: "Accepted images that could not be processed for a reason of ours.",
  images_pending: "Accepted images without an outcome yet.",
  original_bytes: "Bytes of accepted originals.",
  rendition_bytes: "Bytes of renditions.",
};
