/** What a command says: results on standard output, progress on standard error, and with --json one object on the last line. */

import { Bar, Presets } from "cli-progress";

export interface Output {
  readonly isJson: boolean;
  /** A line of the result for people; with --json it goes to standard error. */
  line(text?: string): void;
  /** A line about what goes on; always standard error. */
  note(text: string): void;
  /** A table for people: numbers to the right. */
  table(headers: readonly string[], rows: readonly (readonly Cell[])[]): void;
  /** The one JSON object; printed only with --json. */
  json(value: unknown): void;
  /** A progress bar on a terminal, a plain line every few seconds otherwise. */
  progress(what: string, total: number): Progress;
}

export type Cell = string | number | null;

export interface Progress {
  update(done: number, detail?: string): void;
  end(): void;
}

/** How often a plain line tells of progress where there is no terminal. */
const plainEveryMs = 5000;

export function createOutput(isJson: boolean): Output {
  const out = isJson ? process.stderr : process.stdout;
  return {
    isJson,
    line: (text = "") => void out.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    table: (headers, rows) => void out.write(`${tableOf(headers, rows)}\n`),
    json: (value) => void (isJson && process.stdout.write(`${JSON.stringify(value)}\n`)),
    progress: (what, total) => (process.stderr.isTTY ? barProgress(what, total) : plainProgress(what, total)),
  };
}

function barProgress(what: string, total: number): Progress {
  const format = `${what} {bar} {value}/{total} {eta_formatted} {detail}`;
  const bar = new Bar(
    { format, stream: process.stderr, hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  bar.start(total, 0, { detail: "" });
  return { update: (done, detail = "") => bar.update(done, { detail }), end: () => bar.stop() };
}

function plainProgress(what: string, total: number): Progress {
  let saidAt = performance.now();
  return {
    update(done, detail = "") {
      if (performance.now() - saidAt < plainEveryMs) return;
      saidAt = performance.now();
      process.stderr.write(`${what}: ${done} of ${total} ${detail}\n`);
    },
    end: () => {},
  };
}

/** Control and formatting characters of other people's text could rewrite the terminal; they are shown as escapes. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function tableOf(headers: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = rows.map((row) => row.map(textOf));
  const widths = headers.map((header, column) =>
    cells.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), header.length),
  );
  const isNumeric = headers.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"),
  );
  const pad = (text: string, column: number) =>
    isNumeric[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  const lines = [headers, widths.map((width) => "─".repeat(width)), ...cells];
  return lines
    .map((line) =>
      line
        .map((text, column) => pad(text, column))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function textOf(cell: Cell): string {
  if (cell === null) return "";
  return typeof cell === "number" ? cell.toLocaleString("en-US") : printable(cell);
}
