/** Aggregates, also over windows. Each result is wrapped so that it has BigQuery's type. */
import { Invalid, Refusal } from "../refusal.ts";
import type { Call, Expression } from "../tree.ts";
import { expectArguments } from "./dates.ts";
import { call, type Emission, plain, text } from "./emission.ts";
import { emit } from "./expression.ts";
import { type Scope, withoutAliases } from "./scope.ts";
import { emitOrderItem, emitWindow } from "./windows.ts";

const INTEGER = "CAST(0 AS BIGINT)";
const FLOAT = "CAST(0 AS DOUBLE)";

/** What every aggregate's rule needs: its parts, already emitted. */
interface Aggregate {
  readonly node: Call;
  readonly value: Emission;
  readonly scope: Scope;
  /** `name([DISTINCT] arguments [ORDER BY …]) [FILTER (…)] [OVER …]`. */
  readonly run: (
    name: string,
    value: string,
    extra?: { filter?: string; rest?: string; ordered?: boolean },
  ) => string;
}

/** The function call as an aggregate; undefined when it is none. */
export function emitAggregate(node: Call, scope: Scope): Emission | undefined {
  const rule = RULES[node.name];
  if (rule === undefined) return undefined;
  // Inside an aggregate names are columns; select aliases are seen only outside.
  const inner = node.over === undefined ? withoutAliases(scope) : scope;
  const over = node.over === undefined ? "" : ` OVER ${emitWindow(node.over, scope)}`;
  const order = node.orderBy.map((item) => emitOrderItem(item, inner)).join(", ");
  const run: Aggregate["run"] = (name, value, extra = {}) => {
    const distinct = node.distinct ? "DISTINCT " : "";
    const ordering = extra.ordered === true && order !== "" ? ` ORDER BY ${order}` : "";
    const filter = extra.filter === undefined ? "" : ` FILTER (WHERE ${extra.filter})`;
    return `${name}(${distinct}${value}${extra.rest ?? ""}${ordering})${filter}${over}`;
  };
  const [first] = node.arguments;
  if (first === undefined) throw new Invalid(`${node.name} without arguments`, node.at);
  checkModifiers(node);
  const value = first.kind === "star" ? plain("*") : emit(first, inner);
  return rule({ node, value, scope: inner, run });
}

function checkModifiers(node: Call): void {
  const lists = ["ARRAY_AGG", "STRING_AGG", "ARRAY_CONCAT_AGG"].includes(node.name);
  const isPlain = node.orderBy.length === 0 && node.limit === undefined && node.nulls === undefined;
  if (!lists && !isPlain) throw new Refusal(`${node.name} with ORDER BY, LIMIT or NULLS`, node.at);
  if (lists && node.over !== undefined && node.orderBy.length > 0) {
    throw new Refusal(`${node.name} with ORDER BY over a window`, node.at, "Order the window.");
  }
  const [first] = node.arguments;
  if (first?.kind === "star" && node.name !== "COUNT") throw new Invalid(`${node.name}(*)`, node.at);
}

const RULES: Readonly<Record<string, (aggregate: Aggregate) => Emission>> = {
  COUNT: ({ node, value, run }) => {
    expectArguments(node, 1, 1);
    return { sql: run("count", value.sql), witness: INTEGER };
  },
  COUNTIF: ({ value, run }) => ({
    sql: run("count", `CASE WHEN ${call("condition_of", value).sql} THEN 1 END`),
    witness: INTEGER,
  }),
  SUM: ({ value, run }) => ({
    sql: `bq.sum_as(${run("sum", value.sql)}, ${value.witness})`,
    witness: value.witness,
  }),
  AVG: ({ value, run }) => ({
    sql: `bq.avg_as(${run("avg", value.sql)}, ${run("sum", value.sql)}, ${run("count", value.sql)}, ${value.witness})`,
    witness: `bq.avg_type(${value.witness})`,
  }),
  MIN: ({ value, run }) => ({
    sql: `bq.min_as(${run("min", value.sql)}, ${run("max", value.sql)}, ${value.witness})`,
    witness: value.witness,
  }),
  MAX: ({ value, run }) => ({
    sql: `bq.max_as(${run("max", value.sql)}, ${value.witness})`,
    witness: value.witness,
  }),
  ANY_VALUE: ({ value, run }) => ({ sql: run("any_value", value.sql), witness: value.witness }),
  LOGICAL_AND: ({ value, run }) => ({
    sql: run("bool_and", call("condition_of", value).sql),
    witness: "true",
  }),
  LOGICAL_OR: ({ value, run }) => ({ sql: run("bool_or", call("condition_of", value).sql), witness: "true" }),
  BIT_AND: ({ value, run }) => ({ sql: run("bit_and", call("integer_of", value).sql), witness: INTEGER }),
  BIT_OR: ({ value, run }) => ({ sql: run("bit_or", call("integer_of", value).sql), witness: INTEGER }),
  BIT_XOR: ({ value, run }) => ({ sql: run("bit_xor", call("integer_of", value).sql), witness: INTEGER }),
  APPROX_COUNT_DISTINCT: ({ node, value, run }) => {
    if (node.distinct) throw new Invalid("APPROX_COUNT_DISTINCT with DISTINCT", node.at);
    return { sql: run("count", `DISTINCT ${value.sql}`), witness: INTEGER };
  },
  MAX_BY: (aggregate) => emitExtremeBy(aggregate, "arg_max_null"),
  MIN_BY: (aggregate) => emitExtremeBy(aggregate, "arg_min_null"),
  STDDEV: (aggregate) => emitStatistic(aggregate, "stddev_samp"),
  STDDEV_SAMP: (aggregate) => emitStatistic(aggregate, "stddev_samp"),
  STDDEV_POP: (aggregate) => emitStatistic(aggregate, "stddev_pop"),
  VARIANCE: (aggregate) => emitStatistic(aggregate, "var_samp"),
  VAR_SAMP: (aggregate) => emitStatistic(aggregate, "var_samp"),
  VAR_POP: (aggregate) => emitStatistic(aggregate, "var_pop"),
  CORR: (aggregate) => {
    // One pair has no correlation in BigQuery; DuckDB says NaN.
    const { sql, witness } = emitStatistic(aggregate, "corr", 2);
    const pairs = emitStatistic(aggregate, "regr_count", 2).sql;
    return { sql: `CASE WHEN ${pairs} > 1 THEN ${sql} END`, witness };
  },
  COVAR_POP: (aggregate) => emitStatistic(aggregate, "covar_pop", 2),
  COVAR_SAMP: (aggregate) => emitStatistic(aggregate, "covar_samp", 2),
  PERCENTILE_CONT: ({ node, value, run }) => ({
    sql: run("quantile_cont", call("percentile_of", value).sql, { rest: percentile(node) }),
    witness: FLOAT,
  }),
  PERCENTILE_DISC: ({ node, value, run }) => ({
    sql: run("quantile_disc", value.sql, { rest: percentile(node) }),
    witness: value.witness,
  }),
  ARRAY_AGG: ({ node, value, run }) => ({
    sql: limited(node, run("array_agg", value.sql, { ordered: true, ...notNull(node, value) })),
    witness: `[${value.witness}]`,
  }),
  ARRAY_CONCAT_AGG: ({ node, value, run }) => ({
    sql: `flatten(${limited(node, run("array_agg", value.sql, { ordered: true, filter: `${value.sql} IS NOT NULL` }))})`,
    witness: value.witness,
  }),
  STRING_AGG: emitStringAggregate,
  GROUPING: ({ value }) => ({ sql: `CAST(GROUPING(${value.sql}) AS BIGINT)`, witness: INTEGER }),
};

function notNull(node: Call, value: Emission): { filter?: string } {
  return node.nulls === "IGNORE" ? { filter: `${value.sql} IS NOT NULL` } : {};
}

function limited(node: Call, list: string): string {
  if (node.limit === undefined) return list;
  if (node.limit.kind !== "integer") throw new Refusal("A computed LIMIT", node.limit.at);
  return `(${list})[1:${node.limit.text}]`;
}

function emitExtremeBy({ node, value, scope, run }: Aggregate, name: string): Emission {
  const [, by] = expectArguments(node, 2, 2);
  if (by === undefined || node.distinct) throw new Invalid(`${node.name} with DISTINCT`, node.at);
  const key = emit(by, scope);
  return { sql: run(name, value.sql, { rest: `, ${key.sql}` }), witness: value.witness };
}

function emitStatistic({ node, value, scope, run }: Aggregate, name: string, count = 1): Emission {
  const others = expectArguments(node, count, count).slice(1);
  const rest = others.map((other) => `, ${call("float_of", emit(other, scope)).sql}`).join("");
  return { sql: run(name, call("float_of", value).sql, { rest }), witness: FLOAT };
}

function percentile(node: Call): string {
  const [, share] = expectArguments(node, 2, 2);
  if (node.over === undefined || node.over.orderBy.length > 0)
    throw new Refusal(`${node.name} without a plain OVER`, node.at);
  const literal = share?.kind === "float" || share?.kind === "integer" ? Number(share.text) : Number.NaN;
  if (!(literal >= 0 && literal <= 1)) throw new Refusal(`${node.name} with a computed share`, node.at);
  return `, ${literal}`;
}

function emitStringAggregate({ node, value, run }: Aggregate): Emission {
  const [, separator] = expectArguments(node, 1, 2);
  const between = separatorOf(separator, node);
  const string = call("string_of", value).sql;
  if (node.limit === undefined) {
    return { sql: run("string_agg", string, { rest: `, ${between}`, ordered: true }), witness: "''" };
  }
  const list = limited(node, run("array_agg", string, { ordered: true, filter: `${value.sql} IS NOT NULL` }));
  return { sql: `array_to_string(${list}, ${between})`, witness: "''" };
}

function separatorOf(node: Expression | undefined, of: Call): string {
  if (node === undefined) return "','";
  if (node.kind !== "string") throw new Refusal(`${of.name} with a computed separator`, node.at);
  return text(node.value);
}
