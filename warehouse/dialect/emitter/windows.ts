/** Windows and the functions that need one: numbering and navigation. */
import { Invalid, Refusal } from "../refusal.ts";
import type { Call, Expression, Frame, FrameBound, OrderItem, Window } from "../tree.ts";
import { siblings } from "./conditions.ts";
import { expectArguments } from "./dates.ts";
import { type Emission, plain, quoted } from "./emission.ts";
import { emit } from "./expression.ts";
import type { Scope } from "./scope.ts";

/** `(PARTITION BY … ORDER BY … ROWS …)` or a window's name. */
export function emitWindow(window: Window, scope: Scope): string {
  const parts: string[] = [];
  const { base, partitionBy, orderBy, frame } = window;
  if (base !== undefined && partitionBy.length === 0 && orderBy.length === 0 && frame === undefined)
    return quoted(base);
  if (base !== undefined) parts.push(quoted(base));
  if (partitionBy.length > 0)
    parts.push(`PARTITION BY ${partitionBy.map((value) => emit(value, scope).sql).join(", ")}`);
  if (orderBy.length > 0)
    parts.push(`ORDER BY ${orderBy.map((item) => emitOrderItem(item, scope)).join(", ")}`);
  if (frame !== undefined) parts.push(emitFrame(frame, scope));
  return `(${parts.join(" ")})`;
}

/** NULL is the lowest value in BigQuery: it is written out wherever something is ordered. */
export function emitOrderItem(item: OrderItem, scope: Scope): string {
  return `${emit(item.value, scope).sql} ${direction(item)}`;
}

export function direction(item: OrderItem): string {
  const nulls = item.nulls ?? (item.descending ? "LAST" : "FIRST");
  return `${item.descending ? "DESC" : "ASC"} NULLS ${nulls}`;
}

function emitFrame(frame: Frame, scope: Scope): string {
  const start = emitBound(frame.start, scope);
  const end = frame.end === undefined ? "CURRENT ROW" : emitBound(frame.end, scope);
  return `${frame.unit} BETWEEN ${start} AND ${end}`;
}

function emitBound(bound: FrameBound, scope: Scope): string {
  switch (bound.kind) {
    case "current":
      return "CURRENT ROW";
    case "unbounded":
      return `UNBOUNDED ${bound.direction}`;
    case "offset":
      if (bound.amount.kind !== "integer") throw new Refusal("A computed frame", bound.amount.at);
      return `${emit(bound.amount, scope).sql} ${bound.direction}`;
  }
}

/** Functions that number rows: their result's type. */
const NUMBERING: Readonly<Record<string, string>> = {
  ROW_NUMBER: "CAST(0 AS BIGINT)",
  RANK: "CAST(0 AS BIGINT)",
  DENSE_RANK: "CAST(0 AS BIGINT)",
  NTILE: "CAST(0 AS BIGINT)",
  PERCENT_RANK: "CAST(0 AS DOUBLE)",
  CUME_DIST: "CAST(0 AS DOUBLE)",
};
const NAVIGATION = new Set(["LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"]);

export function emitNavigation(node: Call, scope: Scope): Emission | undefined {
  const type = NUMBERING[node.name];
  if (type === undefined && !NAVIGATION.has(node.name)) return undefined;
  if (node.over === undefined) throw new Invalid(`${node.name} without OVER`, node.at);
  const over = ` OVER ${emitWindow(node.over, scope)}`;
  if (type !== undefined) {
    const values = node.arguments.map((value) => emit(value, scope).sql);
    return { sql: `${node.name.toLowerCase()}(${values.join(", ")})${over}`, witness: type };
  }
  return emitNeighbour(node, over, scope);
}

function emitNeighbour(node: Call, over: string, scope: Scope): Emission {
  const [value, place, otherwise] = expectArguments(node, node.name === "NTH_VALUE" ? 2 : 1, 3);
  const isNear = node.name === "LAG" || node.name === "LEAD";
  const mayPlace = isNear || node.name === "NTH_VALUE";
  if (node.nulls === "IGNORE" && isNear) throw new Invalid(`${node.name} with IGNORE NULLS`, node.at);
  if (place !== undefined && (!mayPlace || place.kind !== "integer")) {
    throw new Refusal(`${node.name} with a computed place`, node.at);
  }
  const [first = plain(""), last] = siblings(otherwise === undefined ? [value] : [value, otherwise], scope);
  const parts = [first.sql, ...placed(place, isNear), ...(last === undefined ? [] : [last.sql])];
  const nulls = node.nulls === "IGNORE" ? " IGNORE NULLS" : "";
  return { sql: `${node.name.toLowerCase()}(${parts.join(", ")}${nulls})${over}`, witness: first.witness };
}

function placed(place: Expression | undefined, isNear: boolean): readonly string[] {
  if (place?.kind !== "integer") return [];
  if (isNear && place.text.startsWith("-")) throw new Invalid("A negative place", place.at);
  return [place.text];
}
