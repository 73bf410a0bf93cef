/** CAST and SAFE_CAST. */
import { Refusal } from "../refusal.ts";
import type { Cast, Expression, TypeName } from "../tree.ts";
import { call, compose, type Emission, plain } from "./emission.ts";
import { emit } from "./expression.ts";
import type { Scope } from "./scope.ts";
import { engineTypeOf } from "./types.ts";

export function emitCast(node: Cast, scope: Scope): Emission {
  return castTo(node.type, node.value, node.safe, scope);
}

/** A value as a type: scalars through the library, arrays and structs only where nothing is converted. */
export function castTo(type: TypeName, value: Expression, safe: boolean, scope: Scope): Emission {
  if (value.kind === "null") return plain(`CAST(NULL AS ${engineTypeOf(type)})`);
  if (type.kind === "scalar") {
    if (type.name === "JSON") throw new Refusal("CAST to JSON", value.at, "Use PARSE_JSON.");
    return call(`${safe ? "safe_to" : "to"}_${type.name.toLowerCase()}`, emit(value, scope));
  }
  if (type.kind === "array" && value.kind === "array") {
    const items = value.items.map((item) => castTo(type.element, item, safe, scope));
    return compose(items, (...texts) => `CAST([${texts.join(", ")}] AS ${engineTypeOf(type)})`);
  }
  throw new Refusal(`CAST to ${type.kind === "array" ? "ARRAY" : "STRUCT"}`, value.at, "Cast the elements.");
}
