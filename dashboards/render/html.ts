/** HTML as values: text becomes markup only through here, and always escaped. */

/** Markup that is safe to send. */
export interface Html {
  readonly markup: string;
}

type Part = Html | string | number | readonly Html[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A template whose parts are escaped unless they are `Html`. Attributes are to be written in double quotes. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { markup: texts.map((text, index) => text + markupOf(parts[index] ?? "")).join("") };
}

function markupOf(part: Part): string {
  if (typeof part === "object") return "markup" in part ? part.markup : part.map(markupOf).join("");
  return String(part).replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** Nothing. */
export const nothing: Html = { markup: "" };

/** Markup that another program made and that is known to be safe. */
export function trusted(markup: string): Html {
  return { markup };
}

/** Controls, line breaks and marks that turn the direction of writing around: names may hold them, lines of text may not. */
const unprintable = /[\p{Cc}\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]+/gu;

/** A customer's text on one line, in its own direction, without what cannot be seen. */
export function oneLine(text: string): string {
  return text.replaceAll(unprintable, " ").replaceAll(/ {2,}/g, " ").trim();
}
