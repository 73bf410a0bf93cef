/** FROM: tables by their full names, subqueries, UNNEST and joins. */
import { Invalid } from "../refusal.ts";
import type { Expression, FromItem, Join, QueryItem, TableItem, UnnestItem } from "../tree.ts";
import { quoted } from "./emission.ts";
import { emit } from "./expression.ts";
import { emitPivot } from "./pivot.ts";
import { emitQuery } from "./query.ts";
import { beside, inside, type Scope, type Source } from "./scope.ts";
import { tableSql, targetOf } from "./tables.ts";

export interface From {
  readonly sql: string;
  readonly sources: readonly Source[];
  /** Columns of USING in the order in which `*` shows them first. */
  readonly using: readonly string[];
}

export function emitFrom(node: FromItem, scope: Scope): From {
  switch (node.kind) {
    case "table":
      return emitTable(node, scope);
    case "query":
      return emitSubquery(node, scope);
    case "unnest":
      return emitUnnest(node, scope);
    case "join":
      return emitJoin(node, scope);
    case "pivot":
      return emitPivot(node, scope);
  }
}

function emitTable(node: TableItem, scope: Scope): From {
  const [first = "", ...fields] = node.names;
  if (fields.length > 0 && scope.sources.has(first.toLowerCase())) {
    const array = { kind: "path", names: node.names, at: node.at } as const;
    return emitUnnest(
      { kind: "unnest", array, alias: node.alias ?? node.names.at(-1), offset: undefined, at: node.at },
      scope,
    );
  }
  const name = node.alias ?? node.names.at(-1) ?? "";
  const isNamed = fields.length === 0 && scope.named.has(first.toLowerCase());
  const sql = isNamed ? quoted(first) : tableSql(targetOf(node, scope));
  return { sql: `${sql} AS ${quoted(name)}`, sources: [{ name, starKnown: true }], using: [] };
}

function emitSubquery(node: QueryItem, scope: Scope): From {
  // A subquery in FROM sees the sources of outer queries, but not those beside it.
  const sql = `(${emitQuery(node.query, scope)})`;
  if (node.alias === undefined) return { sql, sources: [{ name: "", starKnown: true }], using: [] };
  return {
    sql: `${sql} AS ${quoted(node.alias)}`,
    sources: [{ name: node.alias, starKnown: true }],
    using: [],
  };
}

/**
 * UNNEST as a table whose only column has the alias's name, so that `x` is the element and `x.field` a field of it.
 * The table's own name differs: a field may have the name of the alias.
 */
function emitUnnest(node: UnnestItem, scope: Scope): From {
  const name = node.alias ?? `unnest${node.at.offset}`;
  const table = quoted(`${name}$`);
  const kind = elementKind(node.array);
  const array = emit(node.array, scope).sql;
  const starKnown = kind === "scalar" && node.alias !== undefined;
  const sources = [{ name, starKnown }];
  if (node.offset !== undefined) {
    const places = `unnest(range(len(${array})))`;
    const sql = `LATERAL (SELECT unnest(${array}) AS ${quoted(name)}, ${places} AS ${quoted(node.offset)}) AS ${table}`;
    return { sql, sources: [...sources, { name: node.offset, starKnown }], using: [] };
  }
  if (kind === "struct" && node.array.kind === "array") return emitRows(node, array, name);
  return { sql: `UNNEST(${array}) AS ${table}(${quoted(name)})`, sources, using: [] };
}

/** A literal array of structs: its fields are columns of their own. */
function emitRows(node: UnnestItem, array: string, name: string): From {
  const rows = `(SELECT unnest(${array}, max_depth := 2))`;
  return { sql: `${rows} AS ${quoted(node.alias ?? name)}`, sources: [{ name, starKnown: true }], using: [] };
}

const SCALAR_LISTS = new Set(
  `GENERATE_ARRAY GENERATE_DATE_ARRAY GENERATE_TIMESTAMP_ARRAY SPLIT REGEXP_EXTRACT_ALL JSON_VALUE_ARRAY
   JSON_EXTRACT_STRING_ARRAY JSON_QUERY_ARRAY JSON_EXTRACT_ARRAY TO_CODE_POINTS`.split(/\s+/),
);

/** What the elements are, where the text alone tells. */
function elementKind(node: Expression): "scalar" | "struct" | "unknown" {
  if (node.kind === "call") return SCALAR_LISTS.has(node.name) ? "scalar" : "unknown";
  if (node.kind === "cast")
    return node.type.kind === "array" && node.type.element.kind === "scalar" ? "scalar" : "unknown";
  if (node.kind !== "array") return "unknown";
  if (node.element !== undefined) return node.element.kind === "struct" ? "struct" : "scalar";
  const [first] = node.items;
  if (first === undefined) return "scalar";
  if (first.kind === "struct") return "struct";
  const isPlain = ["integer", "float", "string", "bytes", "boolean", "typed-literal"].includes(first.kind);
  return isPlain ? "scalar" : "unknown";
}

function emitJoin(node: Join, scope: Scope): From {
  const left = emitFrom(node.left, scope);
  const right = emitFrom(node.right, beside(scope, left.sources, left.sql));
  const sources = [...left.sources, ...right.sources];
  checkNames(sources, node);
  const rightSql = node.right.kind === "join" ? `(${right.sql})` : right.sql;
  const using = [
    ...node.using,
    ...[...left.using, ...right.using].filter((name) => !node.using.includes(name)),
  ];
  const word = node.type === "COMMA" ? "CROSS" : node.type;
  const isCross = word === "CROSS" || (word === "INNER" && node.on === undefined && node.using.length === 0);
  if (isCross) return { sql: `${left.sql} CROSS JOIN ${rightSql}`, sources, using };
  const condition = emitCondition(node, inside(scope, sources, `${left.sql} CROSS JOIN ${rightSql}`));
  return { sql: `${left.sql} ${word} JOIN ${rightSql}${condition}`, sources, using };
}

function emitCondition(node: Join, scope: Scope): string {
  if (node.using.length > 0) return ` USING (${node.using.map(quoted).join(", ")})`;
  if (node.on === undefined) return " ON true";
  return ` ON ${emit(node.on, scope).sql}`;
}

function checkNames(sources: readonly Source[], node: Join): void {
  const names = sources.map((source) => source.name.toLowerCase()).filter((name) => name !== "");
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new Invalid(`Two sources of the name ${twice}`, node.at, "Give one of them an alias.");
}
