/** FORMAT_, PARSE_ and FORMAT: patterns are literals, and their elements come from a list of proven ones. */
import { Refusal } from "../refusal.ts";
import type { Call, Expression } from "../tree.ts";
import { emitZone, expectArguments } from "./dates.ts";
import { call, compose, type Emission, plain, text } from "./emission.ts";
import { emit } from "./expression.ts";
import type { Scope } from "./scope.ts";

/** Elements that mean the same in both engines, or what they are short for. */
const WRITTEN: Readonly<Record<string, string>> = Object.fromEntries(
  [..."YmdHMSyjBbAapIuwGV%"].map((element) => [element, `%${element}`]),
);
const ELEMENTS: Readonly<Record<string, string>> = {
  ...WRITTEN,
  h: "%b",
  F: "%Y-%m-%d",
  T: "%H:%M:%S",
  R: "%H:%M",
  D: "%m/%d/%y",
  E3S: "%S.%g",
  E6S: "%S.%f",
  E4Y: "%Y",
};
const ZONE_ELEMENTS: Readonly<Record<string, string>> = { Z: "UTC", z: "+0000", Ez: "+00:00" };
const PARSED = new Set([..."YmdHMSFTRBbAap%", "E4Y", "y", "I"]);
const OF_DATES = new Set([..."YmdyjBbAauwGVhFD", "E4Y"]);
const OF_TIMES = new Set([..."HMSpITR", "E3S", "E6S"]);

/** The functions of this file; undefined for any other. */
export function emitFormatFunction(node: Call, scope: Scope): Emission | undefined {
  const [, action, type = ""] = /^(FORMAT|PARSE)_(DATE|DATETIME|TIMESTAMP|TIME)$/.exec(node.name) ?? [];
  if (action === "FORMAT") return emitFormatted(node, type, scope);
  if (action === "PARSE") return emitParsed(node, type, scope);
  return node.name === "FORMAT" ? emitPrinted(node, scope) : undefined;
}

function emitFormatted(node: Call, type: string, scope: Scope): Emission {
  const [pattern, value, zone] = expectArguments(node, 2, type === "TIMESTAMP" ? 3 : 2);
  const inUtc =
    type === "TIMESTAMP" && (zone === undefined || (zone.kind === "string" && zone.value === "UTC"));
  const format = translate(pattern, node, (element) => {
    if (inUtc && ZONE_ELEMENTS[element] !== undefined) return ZONE_ELEMENTS[element];
    return mayStand(element, type) ? ELEMENTS[element] : undefined;
  });
  const zones = zone === undefined ? [] : [emitZone(zone)];
  const parts = [plain(text(format)), plain(text(format.replaceAll("%Y", "\u0001%Y")))];
  return call(`format_${type.toLowerCase()}`, emit(value ?? pattern, scope), ...parts, ...zones);
}

function mayStand(element: string, type: string): boolean {
  if (type === "DATE") return !OF_TIMES.has(element);
  return type !== "TIME" || !OF_DATES.has(element);
}

function emitParsed(node: Call, type: string, scope: Scope): Emission {
  const [pattern, value, zone] = expectArguments(node, 2, type === "TIMESTAMP" ? 3 : 2);
  if (zone !== undefined && !(zone.kind === "string" && zone.value === "UTC")) {
    throw new Refusal(
      `${node.name} with a time zone`,
      zone.at,
      "Parse a DATETIME and use TIMESTAMP(…, zone).",
    );
  }
  const format = translate(pattern, node, (element) => {
    if (element === "E*S") return "%S.%f";
    return PARSED.has(element) && mayStand(element, type) ? ELEMENTS[element] : undefined;
  });
  if (type !== "TIME" && !/%[Yy]/.test(format)) {
    throw new Refusal(`${node.name} without a year`, pattern.at, "Both engines fill in another one.");
  }
  const name = `${node.safe ? "safe_" : ""}parse_${type.toLowerCase()}`;
  return call(name, emit(value ?? pattern, scope), plain(text(format)));
}

function translate(node: Expression, of: Call, element: (name: string) => string | undefined): string {
  if (node.kind !== "string") throw new Refusal(`${of.name} with a pattern that is no literal`, node.at);
  return node.value.replace(/%(E\*S|E[0-9]S|E4Y|Ez|[\s\S]?)/g, (written, name: string) => {
    const meaning = element(name);
    if (meaning === undefined) throw new Refusal(`The element ${written} in ${of.name}`, node.at);
    return meaning;
  });
}

const PRINTED: Readonly<Record<string, string>> = {
  d: "integer_of",
  i: "integer_of",
  x: "not_negative_of",
  s: "string_of",
  f: "float_of",
};

/** FORMAT with %d, %i, %x, %s, %f and widths. */
function emitPrinted(node: Call, scope: Scope): Emission {
  const [pattern, ...values] = node.arguments;
  if (pattern?.kind !== "string") throw new Refusal("FORMAT with a pattern that is no literal", node.at);
  const checks: string[] = [];
  const format = pattern.value.replace(/%(%|(-?)(0?)(\d*)(\.\d+)?([a-zA-Z'*]))?/g, (...groups) => {
    const [written, element, minus, zero, , precision, letter] = groups.map(String);
    if (element === "%") return "%%";
    const check = PRINTED[letter ?? ""];
    const proven =
      check !== undefined && (letter === "f") === (precision !== "undefined") && !(minus && zero);
    if (!proven) throw new Refusal(`The element ${written} in FORMAT`, pattern.at);
    checks.push(check);
    return letter === "i" ? String(written).replace("i", "d") : String(written);
  });
  if (checks.length !== values.length) throw new Refusal("FORMAT with too few or too many values", node.at);
  const arguments_ = values.map((value, index) => call(checks[index] ?? "string_of", emit(value, scope)));
  if (arguments_.length === 0) return plain(text(format.replaceAll("%%", "%")));
  return compose(arguments_, (...texts) => `printf(${text(format)}, ${texts.join(", ")})`);
}
