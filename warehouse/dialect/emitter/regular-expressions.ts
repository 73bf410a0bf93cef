/** Regular expressions: literal patterns of RE2 with at most one group, which both engines read alike. */
import { Invalid, Refusal } from "../refusal.ts";
import type { Call, Expression } from "../tree.ts";
import { expectArguments } from "./dates.ts";
import { call, type Emission, plain, text } from "./emission.ts";
import { emit } from "./expression.ts";
import type { Scope } from "./scope.ts";

export function emitRegularExpression(node: Call, scope: Scope): Emission | undefined {
  switch (node.name) {
    case "REGEXP_CONTAINS": {
      const [value, pattern] = expectArguments(node, 2, 2);
      return call("regexp_contains", emit(value, scope), plain(text(patternOf(pattern, node))));
    }
    case "REGEXP_EXTRACT":
    case "REGEXP_SUBSTR":
    case "REGEXP_EXTRACT_ALL": {
      const [value, node2] = expectArguments(node, 2, 2);
      const pattern = patternOf(node2, node);
      const name = node.name === "REGEXP_EXTRACT_ALL" ? "regexp_extract_all" : "regexp_extract";
      return call(name, emit(value, scope), plain(text(pattern)), plain(String(groupsIn(pattern, node))));
    }
    case "REGEXP_REPLACE":
      return emitReplace(node, scope);
    case "REGEXP_INSTR": {
      const [value, node2] = expectArguments(node, 2, 2);
      const pattern = patternOf(node2, node);
      if (groupsIn(pattern, node) > 0) throw new Refusal("REGEXP_INSTR with a group", node.at);
      return call("regexp_instr", emit(value, scope), plain(text(`^((?s:.*?))(?:${pattern})`)));
    }
    default:
      return undefined;
  }
}

function emitReplace(node: Call, scope: Scope): Emission {
  const [value, pattern, replacement] = expectArguments(node, 3, 3);
  if (replacement?.kind !== "string")
    throw new Refusal("REGEXP_REPLACE with a computed replacement", node.at);
  if (/\\[^0-9\\]|\\$/.test(replacement.value))
    throw new Invalid("A backslash in the replacement", replacement.at);
  const parts = [plain(text(patternOf(pattern, node))), plain(text(replacement.value))];
  return call("regexp_replace", emit(value, scope), ...parts);
}

function patternOf(node: Expression | undefined, of: Call): string {
  if (node?.kind !== "string") throw new Refusal(`${of.name} with a pattern that is no literal`, of.at);
  if (/\\C|\(\?P?<|\\Q/.test(node.value))
    throw new Refusal("A named group, \\C or \\Q in a pattern", node.at);
  return node.value;
}

/** How many groups capture; more than one is an error in BigQuery too. */
function groupsIn(pattern: string, of: Call): number {
  const bare = pattern.replace(/\\[\s\S]/g, "").replace(/\[\^?\]?[^\]]*\]/g, "");
  const count = bare.match(/\((?!\?)/g)?.length ?? 0;
  const around = bare.replace(/\((?!\?)[^()]*\)/g, "()");
  if (count === 1 && /\(\)(\?|\*|\{0)|\|/.test(around)) {
    throw new Refusal(
      `${of.name} with a group that may be absent`,
      of.at,
      "Make the group a part of every match.",
    );
  }
  if (count > 1)
    throw new Invalid(`${of.name} with more than one group`, of.at, "Write (?:…) for the others.");
  return count;
}
