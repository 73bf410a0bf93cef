/** Metadata as Cloud Storage keeps it: text that every reader of it (JSON, HTTP headers, notifications) passes on unharmed. */

import { Refused } from "../core/errors.ts";
import type { Metadata } from "./lake.ts";

/** Names and values together, by cloud.google.com/storage/quotas#objects. */
const mostBytes = 8192;

/**
 * Tells one write from another: an answer that was lost leaves the writer with "it is there already", and this name's value
 * says by whom. It also marks metadata as encoded. Callers never see it.
 */
const writeName = "darkroom-write";

/**
 * Metadata to be sent: control characters, `%`, spaces at an end and halves of characters become `%XX` of their UTF-8 (a half
 * `%uXXXX`, nothing at all `%`); everything else stays as it is, so that others can read a plain value. Throws `Refused`
 * (`metadata_too_large`) when it is more than the service takes.
 */
export function encodeMetadata(metadata: Metadata, write: string): Readonly<Record<string, string>> {
  const own = Object.entries(metadata).map(([name, value]) => [encodeName(name), encode(value)] as const);
  const all = [...own, [writeName, write] as const];
  const bytes = all.flat().reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes <= mostBytes) return Object.fromEntries(all);
  throw new Refused(
    "metadata_too_large",
    `the metadata takes ${bytes} bytes`,
    `at most ${mostBytes} bytes of names and values`,
  );
}

/** What `encodeMetadata` was given; what another program wrote stays as it wrote it. */
export function decodeMetadata(encoded: Readonly<Record<string, string>>): Metadata {
  if (encoded[writeName] === undefined) return encoded;
  const own = Object.entries(encoded).filter(([name]) => name !== writeName);
  return Object.fromEntries(own.map(([name, value]) => [decode(name), decode(value)]));
}

/** Which write made the object; undefined when it was another program's. */
export function writeOf(encoded: Readonly<Record<string, string>>): string | undefined {
  return encoded[writeName];
}

function encodeName(name: string): string {
  return name === writeName ? `%${hex(name.charCodeAt(0))}${name.slice(1)}` : encode(name);
}

function encode(text: string): string {
  if (text === "") return "%";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be sent.
  return text.replace(/[\u0000-\u001f\u007f%]|[\ud800-\udfff]|^ +| +$/gu, (found) =>
    [...found].map((one) => escapeOne(one.charCodeAt(0))).join(""),
  );
}

function escapeOne(unit: number): string {
  return unit < 0x80 ? `%${hex(unit)}` : `%u${hex(unit)}`;
}

function hex(unit: number): string {
  return unit.toString(16).toUpperCase().padStart(2, "0");
}

function decode(text: string): string {
  if (text === "%") return "";
  return text.replace(/%u(D[89A-F][0-9A-F]{2})|%([0-7][0-9A-F])/g, (_, half, ascii) =>
    String.fromCharCode(Number.parseInt(half ?? ascii, 16)),
  );
}
