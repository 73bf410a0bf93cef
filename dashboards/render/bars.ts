/** From rows to what a stacked bar chart draws: which bars, which parts, and what is taken together as "others". */

import type { BarsTile, Tone } from "../report.ts";
import { nameText, numberOf, type Row, sumOf } from "./values.ts";

export interface Bar {
  readonly name: string;
  readonly total: number;
}

export interface Part {
  readonly name: string;
  /** A class of the style sheet: what a part means, or its place among parts without a meaning of their own. */
  readonly tone: Tone | `part-${number}` | "others";
  /** One value a bar. */
  readonly values: readonly number[];
}

export interface Bars {
  readonly bars: readonly Bar[];
  readonly parts: readonly Part[];
  /** What was taken together, said to the reader; empty when everything is shown. */
  readonly notes: readonly string[];
}

interface Group {
  readonly name: string;
  readonly rows: readonly Row[];
  readonly isOthers: boolean;
}

/** More bars than this cannot be told apart on one screen. */
const shownBars = 20;
/** More colours than this cannot be told apart in one legend. */
const shownParts = 7;

export function barsOf(tile: BarsTile, rows: readonly Row[]): Bars {
  const totalOf = (some: readonly Row[]) =>
    measuresOf(tile).reduce((sum, name) => sum + sumOf(some, name), 0);
  const groups = largest(rows, tile.category, shownBars, totalOf);
  const bars = groups.map((group) => ({ name: group.name, total: totalOf(group.rows) }));
  const { parts, notes } = partsOf(tile, rows, groups, totalOf);
  return { bars, parts, notes: [...noteOf(groups, tile.categories, rows, tile.category), ...notes] };
}

function measuresOf({ stack }: BarsTile): readonly string[] {
  return stack.by === "measures" ? stack.measures.map(({ column }) => column) : [stack.measure];
}

function partsOf(
  { stack, parts: partsName }: BarsTile,
  rows: readonly Row[],
  groups: readonly Group[],
  totalOf: (some: readonly Row[]) => number,
): Pick<Bars, "parts" | "notes"> {
  if (stack.by === "measures") {
    const parts = stack.measures.map(({ column, label, tone }) => ({
      name: label,
      tone,
      values: groups.map((group) => sumOf(group.rows, column)),
    }));
    return { parts, notes: [] };
  }
  const members = largest(rows, stack.column, shownParts, totalOf);
  const parts = members.map((member, index) => {
    const own = new Set(member.rows);
    return {
      name: member.name,
      tone: member.isOthers ? ("others" as const) : (`part-${index + 1}` as const),
      values: groups.map((group) => totalOf(group.rows.filter((row) => own.has(row)))),
    };
  });
  return { parts, notes: noteOf(members, partsName, rows, stack.column) };
}

/** Groups by what identifies them, the largest first; beyond `count` the rest is one group of others, last. */
function largest(
  rows: readonly Row[],
  column: string,
  count: number,
  totalOf: (some: readonly Row[]) => number,
): readonly Group[] {
  const byIdentity = new Map<string, Row[]>();
  for (const row of rows) {
    const identity = identityOf(row, column);
    const group = byIdentity.get(identity);
    if (group === undefined) byIdentity.set(identity, [row]);
    else group.push(row);
  }
  const groups = [...byIdentity.values()]
    .map((own) => ({ name: nameText(own[0]?.[column]), rows: own, isOthers: false }))
    .sort((left, right) => totalOf(right.rows) - totalOf(left.rows));
  // One other alone is shown by its name.
  if (groups.length <= count + 1) return groups;
  const rest = groups.slice(count);
  const others = {
    name: `${rest.length} others`,
    rows: rest.flatMap((group) => group.rows),
    isOthers: true,
  };
  return [...groups.slice(0, count), others];
}

/** Two customers may have one name: a name column is told apart by its id column where the view has one. */
function identityOf(row: Row, column: string): string {
  const id = row[column.replace(/_name$/, "_id")] ?? row[column.replace(/_name$/, "")] ?? row[column];
  return JSON.stringify(id ?? null);
}

function noteOf(
  groups: readonly Group[],
  plural: string,
  rows: readonly Row[],
  column: string,
): readonly string[] {
  const others = groups.find(({ isOthers }) => isOthers);
  if (others === undefined) return [];
  const all = new Set(rows.map((row) => identityOf(row, column))).size;
  return [`The ${groups.length - 1} largest of ${numberOf(all)} ${plural} by name, all others together.`];
}
