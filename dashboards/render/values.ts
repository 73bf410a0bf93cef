/** Values of the warehouse as people read them. */

import type { Value } from "../../warehouse/warehouse.ts";
import type { TableColumn } from "../report.ts";
import { oneLine } from "./html.ts";

export type Row = { readonly [name: string]: Value };

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const share = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** INTEGER comes as a number or, beyond 2^53, as digits; NULL counts as nothing. */
export function numberOf(value: Value | undefined): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) ? number : 0;
}

/** 1234567 → 1,234,567. Exact beyond 2^53 too. */
export function countText(value: Value | undefined): string {
  return typeof value === "string" && /^-?\d+$/.test(value)
    ? whole.format(BigInt(value))
    : whole.format(numberOf(value));
}

const units = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** 1234567 → 1.2 MB, in powers of 1000 as Google Cloud's prices are. */
export function bytesText(value: Value | undefined): string {
  let [size, unit] = [numberOf(value), 0];
  for (; size >= 999.95 && unit < units.length - 1; unit++) size /= 1000;
  return `${short.format(size)} ${units[unit]}`;
}

/** 2026-01-31T10:00:00.000000+00:00 → 2026-01-31 10:00 UTC */
export function timeText(value: Value | undefined): string {
  const time = new Date(typeof value === "string" ? value.replace(/(\.\d{3})\d+/, "$1") : Number.NaN);
  return Number.isNaN(time.getTime()) ? "–" : `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** A part of a whole; a small part is not told as none, nor an almost whole one as all. */
export function shareText(part: number, total: number): string {
  if (total === 0) return "–";
  if (part > 0 && part / total < 0.001) return "< 0.1%";
  if (part < total && part / total > 0.999) return "> 99.9%";
  return share.format(part / total);
}

/** A name on one line; `–` where there is none. */
export function nameText(value: Value | undefined): string {
  return (value === null || value === undefined ? "" : oneLine(String(value))) || "–";
}

const shown = { text: nameText, count: countText, bytes: bytesText, time: timeText } as const;

/** A value as its column shows it. */
export function valueText(value: Value | undefined, show: TableColumn["show"]): string {
  return shown[show](value);
}

export function sumOf(rows: readonly Row[], column: string): number {
  return rows.reduce((sum, row) => sum + numberOf(row[column]), 0);
}
