/** Function calls: aggregates and windows first, then the functions with arguments of their own, then the plain ones. */
import { Invalid, Refusal } from "../refusal.ts";
import type { Call, Expression } from "../tree.ts";
import { emitAggregate } from "./aggregates.ts";
import { siblings } from "./conditions.ts";
import { emitDateFunction, emitZone, expectArguments } from "./dates.ts";
import { call, compose, type Emission, plain, text } from "./emission.ts";
import { emit } from "./expression.ts";
import { emitFormatFunction } from "./formats.ts";
import { PLAIN_FUNCTIONS, SAFE_FORMS } from "./functions.ts";
import { emitJsonFunction } from "./json.ts";
import { emitRegularExpression } from "./regular-expressions.ts";
import type { Scope } from "./scope.ts";
import { emitNavigation } from "./windows.ts";

export function emitCall(node: Call, scope: Scope): Emission {
  if (node.safe) return emitSafe(node, scope);
  const special = emitAggregate(node, scope) ?? emitNavigation(node, scope);
  if (special !== undefined) return special;
  if (node.over !== undefined || node.distinct || node.orderBy.length > 0 || node.limit !== undefined) {
    throw new Refusal(`${node.name} as an aggregate or window function`, node.at);
  }
  return emitScalar(node, scope);
}

function emitScalar(node: Call, scope: Scope): Emission {
  const own = OWN[node.name];
  if (own !== undefined) return own(node, scope);
  const special =
    emitDateFunction(node, scope) ??
    emitFormatFunction(node, scope) ??
    emitRegularExpression(node, scope) ??
    emitJsonFunction(node, scope);
  if (special !== undefined) return special;
  const known = PLAIN_FUNCTIONS.get(node.name);
  if (known === undefined) throw new Refusal(`The function ${node.name}`, node.at);
  return emitPlain(node, known.macro, known.least, known.most, scope);
}

/** SAFE. before a function: only where a form without errors exists. */
function emitSafe(node: Call, scope: Scope): Emission {
  if (/^PARSE_(DATE|DATETIME|TIMESTAMP|TIME)$/.test(node.name)) {
    const parsed = emitFormatFunction(node, scope);
    if (parsed !== undefined) return parsed;
  }
  const known = PLAIN_FUNCTIONS.get(node.name);
  if (known !== undefined) expectArguments(node, known.least, known.most);
  const macro = SAFE_FORMS[node.name];
  if (macro === undefined || known === undefined) throw new Refusal(`SAFE.${node.name}`, node.at);
  return emitPlain(node, macro, known.least, known.most, scope);
}

function emitPlain(node: Call, macro: string, least: number, most: number, scope: Scope): Emission {
  const values = expectArguments(node, least, most);
  return call(macro, ...values.map((value) => emit(value, scope)));
}

/** Functions that are forms of other expressions, or take arguments of a special kind. */
const OWN: Readonly<Record<string, (node: Call, scope: Scope) => Emission>> = {
  IF: (node, scope) => {
    const [when, ...results] = expectArguments(node, 3, 3);
    const parts = [emit(when, scope), ...siblings(results, scope)];
    return compose(parts, (test, yes, no) => `CASE WHEN ${test} THEN ${yes} ELSE ${no} END`);
  },
  COALESCE: (node, scope) => emitCoalesce(node, 1, Number.POSITIVE_INFINITY, scope),
  IFNULL: (node, scope) => emitCoalesce(node, 2, 2, scope),
  NULLIF: (node, scope) => {
    const [a = plain(""), b = plain("")] = siblings(expectArguments(node, 2, 2), scope);
    return compose([call("eq", a, b), a], (same, value) => `CASE WHEN ${same} THEN NULL ELSE ${value} END`);
  },
  CONCAT: (node, scope) => {
    const [first, ...others] = expectArguments(node, 1, Number.POSITIVE_INFINITY);
    const start = call("concat2", emit(first, scope), plain("''"));
    if (others.length === 0) return start;
    return others.reduce((all, value) => call("concat2", all, emit(value, scope)), emit(first, scope));
  },
  GREATEST: emitExtreme,
  LEAST: emitExtreme,
  ROUND: (node, scope) => {
    const [value, digits] = expectArguments(node, 1, 2);
    if (digits === undefined) return call("round", emit(value, scope));
    if (digits.kind !== "integer") throw new Refusal("ROUND with computed digits", digits.at);
    return call("round", emit(value, scope), plain(digits.text));
  },
  ARRAY_CONCAT: (node, scope) => {
    const [first, ...others] = expectArguments(node, 1, Number.POSITIVE_INFINITY);
    return others.reduce((all, value) => call("array_concat2", all, emit(value, scope)), emit(first, scope));
  },
  ARRAY_TO_STRING: (node, scope) => {
    const [list, separator, instead] = expectArguments(node, 2, 3);
    if (separator?.kind !== "string") throw new Refusal("ARRAY_TO_STRING with a computed separator", node.at);
    const third = instead === undefined ? [] : [emit(instead, scope)];
    return call("array_to_string", emit(list, scope), plain(text(separator.value)), ...third);
  },
  NORMALIZE: (node, scope) => {
    const [value, mode] = expectArguments(node, 1, 2);
    const isNfc = mode === undefined || (mode.kind === "path" && mode.names[0]?.toUpperCase() === "NFC");
    if (!isNfc) throw new Refusal("NORMALIZE in another form than NFC", node.at);
    return call("normalize_nfc", emit(value, scope));
  },
  DATE: (node, scope) => emitPoint(node, [1, 2, 3], scope),
  DATETIME: (node, scope) => emitPoint(node, [1, 2, 6], scope),
  TIMESTAMP: (node, scope) => emitPoint(node, [1, 2], scope),
  TIME: (node, scope) => emitPoint(node, [1, 2, 3], scope),
  CURRENT_TIMESTAMP: emitNow,
  CURRENT_DATE: emitNow,
  CURRENT_DATETIME: emitNow,
  CURRENT_TIME: emitNow,
};

function emitCoalesce(node: Call, least: number, most: number, scope: Scope): Emission {
  const values = siblings(expectArguments(node, least, most), scope);
  return compose(values, (...texts) => `coalesce(${texts.join(", ")})`);
}

function emitExtreme(node: Call, scope: Scope): Emission {
  const values = siblings(expectArguments(node, 1, Number.POSITIVE_INFINITY), scope);
  return call(
    node.name.toLowerCase(),
    compose(values, (...texts) => `[${texts.join(", ")}]`),
  );
}

/** DATE(…) and its like: the second of two arguments is a zone, save for DATETIME(date, time). */
function emitPoint(node: Call, counts: readonly number[], scope: Scope): Emission {
  if (!counts.includes(node.arguments.length)) {
    throw new Invalid(`${node.name} with ${node.arguments.length} arguments`, node.at);
  }
  const [first, second] = node.arguments;
  if (first === undefined) throw new Invalid(`${node.name} without arguments`, node.at);
  const zoned = node.arguments.length === 2 && second !== undefined && second.kind === "string";
  if (node.arguments.length === 2 && !zoned && node.name !== "DATETIME") {
    throw new Refusal(`${node.name} with a computed time zone`, node.at);
  }
  const values = node.arguments.map((value: Expression, index) =>
    zoned && index === 1 ? emitZone(value) : emit(value, scope),
  );
  return call(`${node.name.toLowerCase()}_of`, ...values);
}

function emitNow(node: Call): Emission {
  const [zone] = node.arguments;
  if (zone === undefined) return call(node.name.toLowerCase());
  if (node.name === "CURRENT_TIMESTAMP") throw new Invalid("CURRENT_TIMESTAMP with an argument", node.at);
  return call(node.name.toLowerCase(), emitZone(zone));
}
