/** One emission for every node of an expression; there is no default: what is not listed does not compile. */
import { Refusal } from "../refusal.ts";
import type { ArithmeticOperator, Binary, BinaryOperator, Expression, Path } from "../tree.ts";
import { emitCall } from "./calls.ts";
import { emitCast } from "./casts.ts";
import {
  emitBetween,
  emitCase,
  emitInArray,
  emitInList,
  emitInQuery,
  emitLike,
  siblings,
} from "./conditions.ts";
import { emitArray, emitArrayQuery, emitStruct } from "./constructors.ts";
import { emitExtract, emitIntervalSum } from "./dates.ts";
import { call, compose, type Emission, plain, quoted, text } from "./emission.ts";
import { emitFloat, emitInteger, emitTypedLiteral } from "./literals.ts";
import { emitQuery } from "./query.ts";
import { type Scope, withoutAliases } from "./scope.ts";

/** DuckDB would work for minutes on an expression that its macros lengthen by more than this. */
const LONGEST = 250_000;

export function emit(node: Expression, scope: Scope): Emission {
  const emission = emitNode(node, scope);
  if ((emission.expanded ?? 0) - emission.sql.length > LONGEST) {
    throw new Refusal("An expression of this size", node.at, "Split it into steps, each a CTE.");
  }
  return emission;
}

function emitNode(node: Expression, scope: Scope): Emission {
  switch (node.kind) {
    case "integer":
      return emitInteger(node);
    case "float":
      return emitFloat(node);
    case "string":
      return plain(text(node.value));
    case "bytes":
      return plain(`unhex('${node.hexadecimal}')`);
    case "boolean":
      return plain(node.value ? "true" : "false");
    case "null":
      return plain("NULL");
    case "typed-literal":
      return emitTypedLiteral(node);
    case "path":
      return emitPath(node, scope);
    case "field":
      return compose([emit(node.of, scope)], (of) => `struct_extract(${of}, ${text(node.name)})`);
    case "subscript":
      return emitSubscript(node, scope);
    case "unary":
      return emitUnary(node, scope);
    case "binary":
      return emitBinary(node, scope);
    case "between":
      return emitBetween(node, scope);
    case "in-list":
      return emitInList(node, scope);
    case "in-query":
      return emitInQuery(node, scope);
    case "in-array":
      return emitInArray(node, scope);
    case "like":
      return emitLike(node, scope);
    case "is":
      return compose([emit(node.value, scope)], (value) => {
        const test = node.test === "UNKNOWN" ? "NULL" : node.test;
        return `(${value} IS ${node.negated ? "NOT " : ""}${test})`;
      });
    case "distinct-test": {
      const operator = node.negated ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM";
      return compose(
        siblings([node.left, node.right], scope),
        (left, right) => `(${left} ${operator} ${right})`,
      );
    }
    case "case":
      return emitCase(node, scope);
    case "cast":
      return emitCast(node, scope);
    case "extract":
      return emitExtract(node, scope);
    case "call":
      return emitCall(node, scope);
    case "array":
      return emitArray(node, scope);
    case "array-query":
      return emitArrayQuery(node, scope);
    case "struct":
      return emitStruct(node, scope);
    case "scalar-query":
      return plain(`(${emitQuery(node.query, scope)})`);
    case "exists":
      return plain(`EXISTS (${emitQuery(node.query, scope)})`);
    case "interval":
      throw new Refusal(
        "An INTERVAL value",
        node.at,
        "Use it inside DATE_ADD and its like, or behind + and -.",
      );
    case "tuple":
      throw new Refusal("A struct without names", node.at, "Write STRUCT(… AS name).");
    case "parameter":
      throw new Refusal(`The parameter or variable ${node.name}`, node.at);
    case "star":
      throw new Refusal("* outside COUNT", node.at);
  }
}

/** A column; in clauses that see the select list, an alias stands for its expression. */
function emitPath(node: Path, scope: Scope): Emission {
  const [first = "", ...fields] = node.names;
  const key = first.toLowerCase();
  const aliased = scope.aliases.get(key);
  if (aliased === undefined || (fields.length > 0 && scope.sources.has(key))) {
    return emitColumn(node, scope);
  }
  return fields.reduce(
    (of, field) => compose([of], (value) => `struct_extract(${value}, ${text(field)})`),
    emit(aliased, withoutAliases(scope)),
  );
}

/**
 * DuckDB cannot type a column of an outer query as a macro's argument: its witness is the same column, selected from the
 * outer FROM clause.
 */
function emitColumn(node: Path, scope: Scope): Emission {
  const sql = node.names.map(quoted).join(".");
  const key = (node.names[0] ?? "").toLowerCase();
  const source = scope.sources.get(key);
  if (source === undefined || scope.local.has(key)) return plain(sql);
  return { sql, witness: `(SELECT ${sql} FROM ${source.from})` };
}

function emitSubscript(node: Extract<Expression, { kind: "subscript" }>, scope: Scope): Emission {
  const list = emit(node.of, scope);
  const index = emit(node.index, scope);
  const fromZero = node.mode === "PLAIN" || node.mode.endsWith("OFFSET");
  const place = fromZero ? compose([index], (value) => `(${value} + 1)`) : index;
  return call(node.mode.startsWith("SAFE") ? "array_safe_at" : "array_at", list, place);
}

function emitUnary(node: Extract<Expression, { kind: "unary" }>, scope: Scope): Emission {
  if (node.operator === "-" && node.operand.kind === "float") {
    return emitFloat({ ...node.operand, text: `-${node.operand.text}` });
  }
  const operand = emit(node.operand, scope);
  switch (node.operator) {
    case "NOT":
      return compose([operand], (value) => `(NOT ${value})`);
    case "-":
      return call("negate", operand);
    case "+":
      return call("negate", call("negate", operand));
    case "~":
      return call("bit_not", operand);
  }
}

const COMPARISONS: Readonly<Record<Exclude<BinaryOperator, ArithmeticOperator | "AND" | "OR">, string>> = {
  "=": "eq",
  "!=": "ne",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
};

const ARITHMETIC: Readonly<Record<ArithmeticOperator, string>> = {
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "/": "divide",
  "||": "concat2",
  "|": "bit_or2",
  "&": "bit_and2",
  "^": "bit_xor2",
  "<<": "shift_left",
  ">>": "shift_right",
};

function emitBinary(node: Binary, scope: Scope): Emission {
  const { operator } = node;
  if (operator === "AND" || operator === "OR") {
    return compose([emit(node.left, scope), emit(node.right, scope)], (a, b) => `(${a} ${operator} ${b})`);
  }
  if (node.right.kind === "interval" && (operator === "+" || operator === "-")) {
    return emitIntervalSum(operator, node.left, node.right, scope);
  }
  const [left = plain(""), right = plain("")] = siblings([node.left, node.right], scope);
  if (operator in COMPARISONS) return call(COMPARISONS[operator as keyof typeof COMPARISONS], left, right);
  return call(ARITHMETIC[operator as ArithmeticOperator], left, right);
}
