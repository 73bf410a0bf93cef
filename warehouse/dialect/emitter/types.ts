/** Types as DuckDB writes them. */
import { ENGINE_TYPES } from "../macros/macro.ts";
import { Refusal } from "../refusal.ts";
import type { TypeName } from "../tree.ts";
import { quoted } from "./emission.ts";

export function engineTypeOf(type: TypeName): string {
  switch (type.kind) {
    case "scalar":
      return ENGINE_TYPES[type.name];
    case "array":
      return `${engineTypeOf(type.element)}[]`;
    case "struct": {
      const fields = type.fields.map((field) => {
        if (field.name === undefined)
          throw new Refusal("A STRUCT type with an unnamed field", type.at, "Name it.");
        return `${quoted(field.name)} ${engineTypeOf(field.type)}`;
      });
      return `STRUCT(${fields.join(", ")})`;
    }
  }
}
