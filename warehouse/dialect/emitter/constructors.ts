/** Arrays and structs. BigQuery tells fields by position, DuckDB by name, so every struct gets names. */
import { Refusal } from "../refusal.ts";
import type { ArrayLiteral, ArrayQuery, Expression, StructLiteral, TypeField } from "../tree.ts";
import { castTo } from "./casts.ts";
import { siblings } from "./conditions.ts";
import { compose, type Emission, plain, quoted } from "./emission.ts";
import { emit } from "./expression.ts";
import { emitQuery } from "./query.ts";
import type { Scope } from "./scope.ts";
import { engineTypeOf } from "./types.ts";

export function emitArray(node: ArrayLiteral, scope: Scope): Emission {
  const type = node.element === undefined ? "BIGINT" : engineTypeOf(node.element);
  if (node.items.length === 0) return plain(`CAST([] AS ${type}[])`);
  const { element } = node;
  if (element?.kind === "struct") return list(node.items.map((item) => row(item, element.fields, scope)));
  if (element !== undefined) {
    const items = node.items.map((item) => castTo(element, item, false, scope));
    return compose(items, (...texts) => `CAST([${texts.join(", ")}] AS ${type}[])`);
  }
  const names = fieldNames(node.items[0]);
  if (names === undefined) return list(siblings(node.items, scope));
  return list(node.items.map((item) => emitNamed(item, names, scope)));
}

function list(items: readonly Emission[]): Emission {
  return compose(items, (...texts) => `[${texts.join(", ")}]`);
}

/** A row of an array whose type is written: a struct or a tuple. */
function row(item: Expression, type: readonly TypeField[], scope: Scope): Emission {
  const values = item.kind === "tuple" ? item.items.map((value) => ({ name: undefined, value })) : undefined;
  if (values !== undefined) return emitStruct({ kind: "struct", type, fields: values, at: item.at }, scope);
  if (item.kind === "struct") return emitStruct({ ...item, type: item.type ?? type }, scope);
  throw new Refusal("An array of structs with something else in it", item.at);
}

/** The field names of a struct literal; undefined for anything else. */
export function fieldNames(node: Expression | undefined): readonly (string | undefined)[] | undefined {
  if (node?.kind !== "struct") return undefined;
  return node.type === undefined ? node.fields.map(fieldName) : node.type.map((field) => field.name);
}

function fieldName(field: StructLiteral["fields"][number]): string | undefined {
  if (field.name !== undefined) return field.name;
  if (field.value.kind === "path") return field.value.names.at(-1);
  return field.value.kind === "field" ? field.value.name : undefined;
}

/** A struct literal or a tuple whose fields get these names, as in every row behind the first. */
export function emitNamed(node: Expression, names: readonly (string | undefined)[], scope: Scope): Emission {
  const values =
    node.kind === "tuple"
      ? node.items
      : node.kind === "struct" && node.type === undefined
        ? node.fields.map((field) => field.value)
        : undefined;
  if (values === undefined) return emit(node, scope);
  if (values.length !== names.length) throw new Refusal("Structs of different lengths side by side", node.at);
  const fields = values.map((value, index) => ({ name: names[index], value }));
  return emitStruct({ kind: "struct", type: undefined, fields, at: node.at }, scope);
}

export function emitStruct(node: StructLiteral, scope: Scope): Emission {
  const names = fieldNames(node) ?? [];
  if (names.length === 0) throw new Refusal("A struct without fields", node.at);
  if (names.length !== node.fields.length)
    throw new Refusal("A struct with too few or too many values", node.at);
  if (new Set(names.map((name) => name?.toLowerCase())).size < names.length && !names.includes(undefined)) {
    throw new Refusal("A struct with two fields of one name", node.at);
  }
  const values = node.fields.map((field, index) => {
    if (names[index] === undefined) {
      throw new Refusal("A struct field without a name", field.value.at, "Write STRUCT(… AS name).");
    }
    const type = node.type?.[index]?.type;
    return type === undefined ? emit(field.value, scope) : castTo(type, field.value, false, scope);
  });
  return compose(values, (...texts) => {
    const fields = texts.map((value, index) => `${quoted(names[index] ?? "")} := ${value}`);
    return `struct_pack(${fields.join(", ")})`;
  });
}

export function emitArrayQuery(node: ArrayQuery, scope: Scope): Emission {
  return plain(`ARRAY(${emitQuery(node.query, scope)})`);
}
