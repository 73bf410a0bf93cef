/** The one thing that darkroom reads out of EXIF beside the orientation: when the camera took the picture. */

import readExif from "exif-reader";

/**
 * DateTimeOriginal by the camera's own clock as `YYYY-MM-DDTHH:MM:SS` (EXIF 2.32, 4.6.5: no zone), or null when it is
 * missing, damaged or impossible: EXIF is text of a stranger and never a reason to refuse a picture.
 */
export function captureTimeLocal(exif: Buffer | undefined): string | null {
  if (exif === undefined) return null;
  try {
    const taken = readExif(exif).Photo?.DateTimeOriginal;
    return taken instanceof Date && Number.isFinite(taken.getTime())
      ? taken.toISOString().slice(0, 19)
      : null;
  } catch {
    return null;
  }
}
