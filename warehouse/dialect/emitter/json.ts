/** JSON functions: literal paths, read here and written as DuckDB wants them. */
import { Refusal } from "../refusal.ts";
import type { Call, Expression } from "../tree.ts";
import { expectArguments } from "./dates.ts";
import { call, compose, type Emission, plain, text } from "./emission.ts";
import { emit } from "./expression.ts";
import type { Scope } from "./scope.ts";

const SINGLE: Readonly<Record<string, string>> = {
  JSON_VALUE: "json_value",
  JSON_EXTRACT_SCALAR: "json_value",
  JSON_QUERY: "json_query",
  JSON_EXTRACT: "json_query",
};
const LISTS: Readonly<Record<string, string>> = {
  JSON_QUERY_ARRAY: "json_query_array",
  JSON_EXTRACT_ARRAY: "json_query_array",
  JSON_VALUE_ARRAY: "json_value_array",
  JSON_EXTRACT_STRING_ARRAY: "json_value_array",
};

export function emitJsonFunction(node: Call, scope: Scope): Emission | undefined {
  const single = SINGLE[node.name];
  const several = LISTS[node.name];
  if (single === undefined && several === undefined) return emitConstructor(node, scope);
  const [value, path] = expectArguments(node, 1, 2);
  const steps = path === undefined ? "$" : pathOf(path, node);
  if (single !== undefined) return call(single, emit(value, scope), plain(text(steps)));
  return call(several ?? "", emit(value, scope), plain(text(steps)), plain(text(`${steps}[*]`)));
}

function emitConstructor(node: Call, scope: Scope): Emission | undefined {
  if (node.name === "PARSE_JSON") {
    const [value] = expectArguments(node, 1, 1);
    return call("parse_json", emit(value, scope));
  }
  if (node.name !== "JSON_OBJECT" && node.name !== "JSON_ARRAY") return undefined;
  const isObject = node.name === "JSON_OBJECT";
  const simple = node.arguments.every((value) =>
    ["integer", "string", "boolean", "null"].includes(value.kind),
  );
  const keys = node.arguments.filter((_, index) => index % 2 === 0);
  const paired = !isObject || (node.arguments.length % 2 === 0 && keys.every((key) => key.kind === "string"));
  if (!simple || !paired) throw new Refusal(`${node.name} of such values`, node.at);
  const values = node.arguments.map((value) => emit(value, scope));
  return compose(values, (...texts) => `json_${isObject ? "object" : "array"}(${texts.join(", ")})`);
}

/** `$.a.b[0]['c d']` as DuckDB writes it: every key in quotes. */
function pathOf(node: Expression, of: Call): string {
  if (node.kind !== "string" || !node.value.startsWith("$")) {
    throw new Refusal(`${of.name} with a path that is no literal`, node.at);
  }
  const step = /\.([A-Za-z_][A-Za-z0-9_]*)|\."([^"\\]+)"|\['([^'"\\]+)'\]|\["([^'"\\]+)"\]|\[(\d+)\]/y;
  let [path, index] = ["$", 1];
  while (index < node.value.length) {
    step.lastIndex = index;
    const match = step.exec(node.value);
    if (match === null) throw new Refusal(`The JSON path ${JSON.stringify(node.value)}`, node.at);
    const key = match[1] ?? match[2] ?? match[3] ?? match[4];
    path += key === undefined ? `[${match[5]}]` : `."${key}"`;
    index = step.lastIndex;
  }
  return path;
}
