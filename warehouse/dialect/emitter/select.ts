/** SELECT: its list, its clauses, and which names each clause sees. */
import { Invalid, Refusal } from "../refusal.ts";
import type {
  Expression,
  GroupBy,
  OrderItem,
  Select,
  SelectExpression,
  SelectItem,
  SelectStar,
} from "../tree.ts";
import { emitNamed } from "./constructors.ts";
import { quoted } from "./emission.ts";
import { emit } from "./expression.ts";
import { emitFrom, type From } from "./from.ts";
import { inside, type Scope, withAliases, withoutAliases } from "./scope.ts";
import { direction, emitWindow } from "./windows.ts";

export type FieldNames = readonly (string | undefined)[] | undefined;

export function emitSelect(
  node: Select,
  outer: Scope,
  structs: readonly FieldNames[],
  orderBy: readonly OrderItem[],
): string {
  const from = node.from === undefined ? undefined : emitFrom(node.from, withoutAliases(outer));
  const scope = inside(withoutAliases(outer), from?.sources ?? [], from?.sql ?? "");
  const aliased = withAliases(scope, aliasesOf(node.items));
  const list = emitList(node, scope, from, structs);
  const clauses = [
    from === undefined ? "" : ` FROM ${from.sql}`,
    node.where === undefined ? "" : ` WHERE ${emit(node.where, scope).sql}`,
    node.groupBy === undefined ? "" : ` GROUP BY ${emitGroupBy(node.groupBy, node, scope)}`,
    node.having === undefined ? "" : ` HAVING ${emit(node.having, aliased).sql}`,
    emitWindows(node, scope),
    node.qualify === undefined ? "" : ` QUALIFY ${emit(node.qualify, aliased).sql}`,
    emitOrder(orderBy, node, aliased),
  ];
  return `SELECT ${node.distinct ? "DISTINCT " : ""}${list}${clauses.join("")}`;
}

function emitWindows(node: Select, scope: Scope): string {
  if (node.windows.length === 0) return "";
  const windows = node.windows.map(({ name, window }) => {
    const sql = emitWindow(window, scope);
    return `${quoted(name)} AS ${sql.startsWith("(") ? sql : `(${sql})`}`;
  });
  return ` WINDOW ${windows.join(", ")}`;
}

/** The name of an item's column: its alias, or the last name of its path. */
export function itemName(item: SelectExpression): string | undefined {
  if (item.alias !== undefined) return item.alias;
  if (item.value.kind === "path") return item.value.names.at(-1);
  return item.value.kind === "field" ? item.value.name : undefined;
}

/** What the names of the list stand for. */
function aliasesOf(items: readonly SelectItem[]): ReadonlyMap<string, Expression> {
  const aliases = new Map<string, Expression>();
  for (const item of items) {
    const name = item.kind === "expression" ? itemName(item) : undefined;
    if (item.kind === "expression" && name !== undefined) aliases.set(name.toLowerCase(), item.value);
  }
  return aliases;
}

function emitList(
  node: Select,
  scope: Scope,
  from: From | undefined,
  structs: readonly FieldNames[],
): string {
  if (node.asStruct) return emitStructList(node, scope);
  let unnamed = 0;
  return node.items
    .map((item, index) => {
      if (item.kind === "star") return emitStar(item, scope, from);
      const name = itemName(item) ?? `f${unnamed++}_`;
      const names = structs[index];
      const value = names === undefined ? emit(item.value, scope) : emitNamed(item.value, names, scope);
      return `${value.sql} AS ${quoted(name)}`;
    })
    .join(", ");
}

/** SELECT AS STRUCT: one column whose fields are the list. */
function emitStructList(node: Select, scope: Scope): string {
  const fields = node.items.map((item) => {
    if (item.kind === "star") throw new Refusal("SELECT AS STRUCT with *", item.at, "Name the fields.");
    const name = itemName(item);
    if (name === undefined)
      throw new Refusal("SELECT AS STRUCT with an unnamed field", item.at, "Write AS name.");
    return `${quoted(name)} := ${emit(item.value, scope).sql}`;
  });
  return `struct_pack(${fields.join(", ")}) AS "f0_"`;
}

function emitStar(item: SelectStar, scope: Scope, from: From | undefined): string {
  if (from === undefined) throw new Invalid("* without FROM", item.at);
  if (item.of !== undefined && item.of.kind !== "path") throw new Refusal("* over a struct", item.at);
  checkStar(item, scope, from);
  const replacements = item.replace.map(({ name, value }) => `${emit(value, scope).sql} AS ${quoted(name)}`);
  const replace = replacements.length === 0 ? "" : ` REPLACE (${replacements.join(", ")})`;
  // Columns of USING come first in BigQuery; DuckDB leaves them where the left side has them.
  const using = item.of === undefined ? from.using.filter((name) => !isExcept(item, name)) : [];
  const first = using.map((name) => {
    if (item.replace.some((replaced) => same(replaced.name, name)))
      throw new Refusal("REPLACE of a USING column", item.at);
    return `${quoted(name)}, `;
  });
  const except = [...item.except, ...using].map(quoted);
  const exclude = except.length === 0 ? "" : ` EXCLUDE (${except.join(", ")})`;
  const of = item.of?.kind === "path" ? `${item.of.names.map(quoted).join(".")}.` : "";
  return `${first.join("")}${of}*${exclude}${replace}`;
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function isExcept(item: SelectStar, name: string): boolean {
  return item.except.some((other) => same(other, name));
}

/** `*` over elements of unknown type would give one struct where BigQuery gives its fields. */
function checkStar(item: SelectStar, scope: Scope, from: From): void {
  const of = item.of?.kind === "path" ? item.of.names : undefined;
  if (of !== undefined && of.length > 1) throw new Refusal("* over a struct", item.at, "Name the fields.");
  const sources = of === undefined ? from.sources : [scope.sources.get((of[0] ?? "").toLowerCase())];
  const unknown = sources.find((source) => source === undefined || !source.starKnown);
  if (sources.some((source) => source === undefined))
    throw new Refusal("* over a struct", item.at, "Name the fields.");
  if (unknown !== undefined)
    throw new Refusal("* over UNNEST of elements of unknown type", item.at, "Name the columns.");
}

function emitGroupBy(groupBy: GroupBy, node: Select, scope: Scope): string {
  const item = (value: Expression): string => emitKey(value, node, scope);
  switch (groupBy.kind) {
    case "all":
      return "ALL";
    case "items":
      return groupBy.items.map(item).join(", ");
    case "rollup":
    case "cube":
      return `${groupBy.kind.toUpperCase()} (${groupBy.items.map(item).join(", ")})`;
    case "sets":
      return `GROUPING SETS (${groupBy.sets.map((set) => `(${set.map(item).join(", ")})`).join(", ")})`;
  }
}

/** A key of GROUP BY: an ordinal, an alias of the list (before a column of that name), or an expression. */
function emitKey(value: Expression, node: Select, scope: Scope): string {
  const item = value.kind === "integer" ? node.items[Number(value.text) - 1] : aliasedItem(value, node);
  if (value.kind === "integer" && (item === undefined || node.items.some(({ kind }) => kind === "star"))) {
    throw new Refusal("GROUP BY of such an ordinal", value.at);
  }
  if (item?.kind !== "expression") return emit(value, scope).sql;
  return isConstant(item.value) ? String(node.items.indexOf(item) + 1) : emit(item.value, scope).sql;
}

function aliasedItem(value: Expression, node: Select): SelectItem | undefined {
  if (value.kind !== "path" || value.names.length !== 1) return undefined;
  const [name = ""] = value.names;
  return node.items.find((item) => item.kind === "expression" && same(itemName(item) ?? "", name));
}

function isConstant(value: Expression): boolean {
  return ["integer", "float", "string", "boolean", "null", "typed-literal"].includes(value.kind);
}

function emitOrder(orderBy: readonly OrderItem[], node: Select, aliased: Scope): string {
  if (orderBy.length === 0) return "";
  const items = orderBy.map((item) => `${emitOrderKey(item.value, node, aliased)} ${direction(item)}`);
  return ` ORDER BY ${items.join(", ")}`;
}

/** A key of ORDER BY: the place of a listed column, or an expression over aliases and columns. */
function emitOrderKey(value: Expression, node: Select, aliased: Scope): string {
  if (value.kind === "integer") {
    if (node.asStruct) throw new Refusal("ORDER BY of an ordinal in SELECT AS STRUCT", value.at);
    return value.text;
  }
  const item = aliasedItem(value, node);
  if (item === undefined || node.asStruct) return emit(value, aliased).sql;
  const index = node.items.indexOf(item);
  const isCountable = node.items.slice(0, index).every(({ kind }) => kind === "expression");
  return isCountable ? String(index + 1) : emit(value, aliased).sql;
}
