/** Names that no other test has. */

import { randomBytes } from "node:crypto";

/** A word that fits into every service's names: lower case, digits and hyphens. */
export function uniqueSuffix(word: string): string {
  return `${word}-${randomBytes(4).toString("hex")}`;
}
