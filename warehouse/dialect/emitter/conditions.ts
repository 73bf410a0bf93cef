/** Conditions: BETWEEN, IN, LIKE, CASE, and the rule by which a literal takes the type of what stands beside it. */
import { Refusal } from "../refusal.ts";
import type { Between, Case, Expression, InArray, InList, InQuery, Like } from "../tree.ts";
import { call, compose, type Emission, plain, text } from "./emission.ts";
import { emit } from "./expression.ts";
import { asNumeric } from "./literals.ts";
import { emitQuery } from "./query.ts";
import type { Scope } from "./scope.ts";

/** A list longer than this is left to DuckDB's own IN. */
const LONG_LIST = 24;

/** Emits expressions that must agree in type: floating point and string literals take the type of the first other one. */
export function siblings(nodes: readonly Expression[], scope: Scope): readonly Emission[] {
  const emissions = nodes.map((node) => emit(node, scope));
  const index = nodes.findIndex(
    (node) => !isAdaptable(node) && node.kind !== "null" && node.kind !== "integer",
  );
  const beside = emissions[index]?.witness;
  if (beside === undefined) return emissions;
  return nodes.map((node, place) => adapted(node, emissions[place] ?? plain("NULL"), beside));
}

function isAdaptable(node: Expression): boolean {
  return node.kind === "string" || floatText(node) !== undefined;
}

function floatText(node: Expression): string | undefined {
  if (node.kind === "float") return node.text;
  const negative = node.kind === "unary" && node.operator === "-" && node.operand.kind === "float";
  return negative && node.operand.kind === "float" ? `-${node.operand.text}` : undefined;
}

function adapted(node: Expression, emission: Emission, beside: string): Emission {
  if (node.kind === "string") return plain(`bq.string_literal(${beside}, ${text(node.value)})`);
  const digits = floatText(node);
  const numeric = digits === undefined ? undefined : asNumeric(digits);
  return numeric === undefined ? emission : plain(`bq.float_literal(${beside}, ${emission.sql}, ${numeric})`);
}

export function negation(negated: boolean, condition: Emission): Emission {
  return negated ? compose([condition], (value) => `(NOT ${value})`) : condition;
}

function all(word: "AND" | "OR", conditions: readonly Emission[]): Emission {
  return compose(conditions, (...texts) => `(${texts.join(` ${word} `)})`);
}

export function emitBetween(node: Between, scope: Scope): Emission {
  const [value = plain(""), low = plain(""), high = plain("")] = siblings(
    [node.value, node.low, node.high],
    scope,
  );
  return negation(node.negated, all("AND", [call("ge", value, low), call("le", value, high)]));
}

export function emitInList(node: InList, scope: Scope): Emission {
  const { value } = node;
  if (value.kind === "tuple") return negation(node.negated, emitTuples(value.items, node, scope));
  const [subject = plain(""), ...items] = siblings([value, ...node.items], scope);
  if (items.length <= LONG_LIST) {
    return negation(
      node.negated,
      all(
        "OR",
        items.map((item) => call("eq", subject, item)),
      ),
    );
  }
  const list = compose([subject, ...items], (first, ...rest) => `(${first} IN (${rest.join(", ")}))`);
  return negation(node.negated, list);
}

/** `(a, b) IN ((1, 2), (3, 4))` column by column. */
function emitTuples(values: readonly Expression[], node: InList, scope: Scope): Emission {
  const rows = node.items.map((item) => {
    if (item.kind !== "tuple" || item.items.length !== values.length) {
      throw new Refusal("IN with a struct beside something else", item.at);
    }
    const pairs = item.items.map((right, index) => {
      const [a = plain(""), b = plain("")] = siblings([values[index] ?? right, right], scope);
      return call("eq", a, b);
    });
    return all("AND", pairs);
  });
  return all("OR", rows);
}

export function emitInQuery(node: InQuery, scope: Scope): Emission {
  if (node.value.kind === "tuple") throw new Refusal("IN (query) with a struct", node.at, "Use EXISTS.");
  const query = emitQuery(node.query, scope);
  return negation(
    node.negated,
    compose([emit(node.value, scope)], (value) => `(${value} IN (${query}))`),
  );
}

export function emitInArray(node: InArray, scope: Scope): Emission {
  const parts = [emit(node.value, scope), emit(node.array, scope)];
  return negation(
    node.negated,
    compose(parts, (value, array) => `(${value} IN (SELECT unnest(${array})))`),
  );
}

export function emitLike(node: Like, scope: Scope): Emission {
  const value = emit(node.value, scope);
  const matches = node.patterns.map((pattern) => {
    if (pattern.kind === "string" && /(^|[^\\])(\\\\)*\\$/.test(pattern.value)) {
      throw new Refusal("LIKE with a backslash at the end", pattern.at);
    }
    return call("matches_like", value, emit(pattern, scope));
  });
  return negation(node.negated, all(node.quantifier === "all" ? "AND" : "OR", matches));
}

export function emitCase(node: Case, scope: Scope): Emission {
  const conditions = emitConditions(node, scope);
  const nodes = node.branches.map((branch) => branch.result);
  const results = siblings(node.otherwise === undefined ? nodes : [...nodes, node.otherwise], scope);
  return compose([...conditions, ...results], (...texts) => {
    const whens = texts.slice(0, conditions.length);
    const thens = texts.slice(conditions.length);
    const branches = whens.map((when, index) => ` WHEN ${when} THEN ${thens[index]}`).join("");
    const otherwise = node.otherwise === undefined ? "" : ` ELSE ${thens.at(-1)}`;
    return `CASE${branches}${otherwise} END`;
  });
}

function emitConditions(node: Case, scope: Scope): readonly Emission[] {
  const whens = node.branches.map((branch) => branch.when);
  if (node.subject === undefined) return whens.map((when) => emit(when, scope));
  const [subject = plain(""), ...values] = siblings([node.subject, ...whens], scope);
  return values.map((value) => call("eq", subject, value));
}
