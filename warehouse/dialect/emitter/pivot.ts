/** PIVOT as aggregates over conditions, grouped by the columns that it does not use. */
import { Refusal } from "../refusal.ts";
import type { Call, Expression, PivotItem } from "../tree.ts";
import { quoted } from "./emission.ts";
import { emit } from "./expression.ts";
import { emitFrom, type From } from "./from.ts";
import { inside, type Scope } from "./scope.ts";

export function emitPivot(node: PivotItem, scope: Scope): From {
  const source = emitFrom(node.source, scope);
  const inner = inside(scope, source.sources, source.sql);
  const used = new Set([node.column]);
  const columns = node.values.flatMap((value) =>
    node.aggregates.map(({ call, alias }) => {
      const aggregate = conditional(call, node.column, value.value, used);
      const label = value.alias ?? labelOf(value.value);
      return `${emit(aggregate, inner).sql} AS ${quoted(alias === undefined ? label : `${alias}_${label}`)}`;
    }),
  );
  if (node.aggregates.length > 1 && node.aggregates.some(({ alias }) => alias === undefined)) {
    throw new Refusal("PIVOT with several aggregates without aliases", node.at);
  }
  const rest = `* EXCLUDE (${[...used].map(quoted).join(", ")})`;
  const sql = `(SELECT ${rest}, ${columns.join(", ")} FROM ${source.sql} GROUP BY ALL)`;
  const name = node.alias ?? "";
  return {
    sql: name === "" ? sql : `${sql} AS ${quoted(name)}`,
    sources: [{ name, starKnown: true }],
    using: [],
  };
}

/** `SUM(x)` as `SUM(IF(column = value, x, NULL))`; the columns it reads are no longer grouped by. */
function conditional(call: Expression, column: string, value: Expression, used: Set<string>): Call {
  const [argument] = call.kind === "call" ? call.arguments : [];
  if (
    call.kind !== "call" ||
    argument === undefined ||
    call.arguments.length > 1 ||
    call.over !== undefined
  ) {
    throw new Refusal("PIVOT of something else than a simple aggregate", call.at);
  }
  if (argument.kind === "path") used.add(argument.names.at(-1) ?? "");
  else if (argument.kind !== "star") throw new Refusal("PIVOT of a computed value", argument.at);
  const { at } = call;
  const subject = { kind: "path", names: [column], at } as const;
  const result = argument.kind === "star" ? ({ kind: "integer", text: "1", at } as const) : argument;
  const when = { kind: "binary", operator: "=", left: subject, right: value, at } as const;
  return {
    ...call,
    arguments: [{ kind: "case", subject: undefined, branches: [{ when, result }], otherwise: undefined, at }],
  };
}

function labelOf(value: Expression): string {
  if (value.kind === "string" && /^[A-Za-z_][A-Za-z0-9_]*$/.test(value.value)) return value.value;
  if (value.kind === "integer" && !value.text.startsWith("-")) return `_${value.text}`;
  throw new Refusal("PIVOT over this value without an alias", value.at, "Write AS name.");
}
