/** Queries: CTEs, set operations, order and limit. */
import { Refusal } from "../refusal.ts";
import type { Expression, OrderItem, Query, QueryBody, Select, SetOperation } from "../tree.ts";
import { fieldNames } from "./constructors.ts";
import { quoted } from "./emission.ts";
import { emit } from "./expression.ts";
import type { Scope } from "./scope.ts";
import { emitSelect, type FieldNames, itemName } from "./select.ts";
import { direction } from "./windows.ts";

/** The names that structs in the columns must have, because the first part of a set operation gave them. */
export function emitQuery(query: Query, outer: Scope, structs: readonly FieldNames[] = []): string {
  let scope = outer;
  const named = query.with.map(({ name, query: inner, at }) => {
    if (query.with.some((other) => other.at !== at && other.name.toLowerCase() === name.toLowerCase())) {
      throw new Refusal(`Two CTEs of the name ${name}`, at);
    }
    const sql = `${quoted(name)} AS (${emitQuery(inner, scope)})`;
    scope = { ...scope, named: new Set([...scope.named, name.toLowerCase()]) };
    return sql;
  });
  const body = emitBody(query.body, scope, structs, query.orderBy);
  const limit = emitLimit("LIMIT", query.limit) + emitLimit("OFFSET", query.offset);
  return `${named.length === 0 ? "" : `WITH ${named.join(", ")} `}${body}${limit}`;
}

/** The body with its ORDER BY, which sees other names in a SELECT than in a set operation. */
function emitBody(
  body: QueryBody,
  scope: Scope,
  structs: readonly FieldNames[],
  orderBy: readonly OrderItem[],
): string {
  switch (body.kind) {
    case "select":
      return emitSelect(body, scope, structs, orderBy);
    case "nested":
      return `(${emitQuery(body.query, scope, structs)})${orderOfNames(orderBy, scope)}`;
    case "set":
      return `${emitSet(body, scope, structs)}${orderOfNames(orderBy, scope)}`;
  }
}

function orderOfNames(orderBy: readonly OrderItem[], scope: Scope): string {
  if (orderBy.length === 0) return "";
  const items = orderBy.map((item) => {
    const ordinal = item.value.kind === "integer" ? item.value.text : emit(item.value, scope).sql;
    return `${ordinal} ${direction(item)}`;
  });
  return ` ORDER BY ${items.join(", ")}`;
}

function emitSet(node: SetOperation, scope: Scope, structs: readonly FieldNames[]): string {
  const names = structs.length > 0 ? structs : structColumns(node.parts[0]);
  const parts = node.parts.map((part) => emitBody(part, scope, names, []));
  return parts.join(` ${node.operator.replace(" DISTINCT", "")} `);
}

function structColumns(body: QueryBody | undefined): readonly FieldNames[] {
  if (body?.kind !== "select") return [];
  return body.items.map((item) => (item.kind === "expression" ? fieldNames(item.value) : undefined));
}

function emitLimit(word: string, amount: Expression | undefined): string {
  if (amount === undefined) return "";
  if (amount.kind !== "integer" || amount.text.startsWith("-"))
    throw new Refusal(`A computed ${word}`, amount.at);
  return ` ${word} ${amount.text}`;
}

/** The columns' names where they can be told without the tables; undefined where a `*` hides them. */
export function outputNames(query: Query): readonly (string | undefined)[] | undefined {
  const select = firstSelect(query.body);
  if (select === undefined || select.items.some((item) => item.kind === "star")) return undefined;
  return select.items.map((item) => (item.kind === "expression" ? itemName(item) : undefined));
}

function firstSelect(body: QueryBody): Select | undefined {
  switch (body.kind) {
    case "select":
      return body;
    case "nested":
      return firstSelect(body.query.body);
    case "set":
      return body.parts[0] === undefined ? undefined : firstSelect(body.parts[0]);
  }
}
