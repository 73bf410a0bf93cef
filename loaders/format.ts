/** The type of an image by its content; names and claims are not looked at. */

import { fileTypeFromBuffer } from "file-type";
import { Refused } from "../core/errors.ts";
import declared from "../includes/formats.js";

/** An animated PNG is a PNG whose first frame is processed. */
const formatsByMediaType = new Map<string, string>([
  ...declared.formats.map(({ media_type, format }) => [media_type, format] as const),
  ["image/apng", "png"],
]);

/** What may be sent, for people. */
export const allowedFormats = declared.formats.map(({ name }) => name).join(", ");

/** The format's name as in dim_image_type. Throws `Refused` (`type_not_allowed`) for everything else. */
export async function formatOf(bytes: Uint8Array): Promise<string> {
  // All of it, since a TIFF tells only at its end whether it is a camera's raw file.
  const type = await fileTypeFromBuffer(bytes);
  const format = formatsByMediaType.get(type?.mime ?? "");
  if (format !== undefined) return format;
  throw new Refused(
    "type_not_allowed",
    type === undefined ? "the content is no image of a known type" : `${type.mime} is not allowed`,
    allowedFormats,
  );
}
