/**
 * The image formats that are accepted, once: the doors' allow-list by content and the members of dim_image_type.
 * Only formats whose decoders libvips marks as safe for untrusted input stand here (no SVG, PDF, JPEG 2000, JPEG XL …).
 */

const formats = /** @type {const} */ ([
  {
    format: "jpeg",
    media_type: "image/jpeg",
    name: "JPEG",
    is_lossless: false,
    may_have_alpha: false,
    may_have_frames: false,
  },
  {
    format: "png",
    media_type: "image/png",
    name: "PNG",
    is_lossless: true,
    may_have_alpha: true,
    may_have_frames: false,
  },
  {
    format: "webp",
    media_type: "image/webp",
    name: "WebP",
    is_lossless: false,
    may_have_alpha: true,
    may_have_frames: true,
  },
  {
    format: "gif",
    media_type: "image/gif",
    name: "GIF",
    is_lossless: true,
    may_have_alpha: true,
    may_have_frames: true,
  },
  {
    format: "avif",
    media_type: "image/avif",
    name: "AVIF",
    is_lossless: false,
    may_have_alpha: true,
    may_have_frames: true,
  },
  {
    format: "tiff",
    media_type: "image/tiff",
    name: "TIFF",
    is_lossless: true,
    may_have_alpha: true,
    may_have_frames: true,
  },
]);

module.exports = { formats };
