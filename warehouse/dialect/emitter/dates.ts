/** Functions whose arguments are date parts, intervals and zones. */
import { findMacro } from "../library.ts";
import { partName } from "../macros/date-parts.ts";
import { Invalid, Refusal } from "../refusal.ts";
import type { Call, Expression, Extract, IntervalLiteral } from "../tree.ts";
import { call, type Emission, plain, text } from "./emission.ts";
import { emit } from "./expression.ts";
import type { Scope } from "./scope.ts";

/** A macro's name for a part; a part without one is refused by name. */
function named(prefix: string, part: string, node: Expression, what: string): string {
  const name = `${prefix}_${partName(part)}`;
  if (findMacro(name) === undefined) throw new Refusal(`The part ${part} in ${what}`, node.at);
  return name;
}

export function emitExtract(node: Extract, scope: Scope): Emission {
  const from = emit(node.from, scope);
  const zone = node.zone === undefined ? [] : [emitZone(node.zone)];
  if (["DATE", "TIME", "DATETIME"].includes(node.part))
    return call(`${node.part.toLowerCase()}_of`, from, ...zone);
  return call(named("extract", node.part, node, "EXTRACT"), from, ...zone);
}

/** A zone by its IANA name; offsets are not proven. */
export function emitZone(node: Expression): Emission {
  if (node.kind !== "string" || !/^(UTC|[A-Z][A-Za-z_]+\/[A-Za-z_/-]+)$/.test(node.value)) {
    throw new Refusal(
      "A time zone that is no literal name",
      node.at,
      "Write a name such as 'Europe/Berlin'.",
    );
  }
  return plain(text(node.value));
}

/** `timestamp + INTERVAL 3 DAY`. */
export function emitIntervalSum(
  operator: "+" | "-",
  left: Expression,
  interval: IntervalLiteral,
  scope: Scope,
): Emission {
  const name = named("plus", interval.part, interval, `the operator ${operator}`);
  return call(name, emit(left, scope), amount(interval, operator === "-", scope));
}

function amount(interval: IntervalLiteral, negative: boolean, scope: Scope): Emission {
  const value = emit(interval.amount, scope);
  return negative ? call("negate", value) : value;
}

/** The rules of functions with a part, by what stands behind the type's name: `DATE_ADD` is DATE and ADD. */
const RULES: Readonly<Record<string, (node: Call, type: string, scope: Scope) => Emission>> = {
  ADD: (node, type, scope) => emitAddition(node, type, false, scope),
  SUB: (node, type, scope) => emitAddition(node, type, true, scope),
  DIFF: emitDifference,
  TRUNC: emitTruncation,
};

/** DATE_ADD, TIMESTAMP_DIFF, DATETIME_TRUNC …; undefined for any other function. */
export function emitDateFunction(node: Call, scope: Scope): Emission | undefined {
  const [, type, action] = /^(DATE|DATETIME|TIMESTAMP|TIME)_(ADD|SUB|DIFF|TRUNC)$/.exec(node.name) ?? [];
  const rule = action === undefined ? undefined : RULES[action];
  if (type !== undefined && rule !== undefined) return rule(node, type.toLowerCase(), scope);
  switch (node.name) {
    case "LAST_DAY":
      return emitLastDay(node, scope);
    case "GENERATE_DATE_ARRAY":
      return emitSeries(node, "date", scope);
    case "GENERATE_TIMESTAMP_ARRAY":
      return emitSeries(node, "timestamp", scope);
    default:
      return undefined;
  }
}

/** A day or point in time; a string literal is read as one. */
function emitPoint(node: Expression, type: string, scope: Scope): Emission {
  return node.kind === "string" ? plain(`bq.${type}_of_text(${text(node.value)})`) : emit(node, scope);
}

function emitAddition(node: Call, type: string, negative: boolean, scope: Scope): Emission {
  const [value, interval] = expectArguments(node, 2, 2);
  if (interval?.kind !== "interval") throw new Refusal(`${node.name} without a literal INTERVAL`, node.at);
  return call(
    named(`${type}_add`, interval.part, interval, node.name),
    emitPoint(value, type, scope),
    amount(interval, negative, scope),
  );
}

function emitDifference(node: Call, type: string, scope: Scope): Emission {
  const [end, start, part] = expectArguments(node, 3, 3);
  return call(
    named(`${type}_diff`, partOf(part, node), node, node.name),
    emitPoint(end, type, scope),
    emitPoint(start ?? end, type, scope),
  );
}

function emitTruncation(node: Call, _type: string, scope: Scope): Emission {
  const [value, part, zone] = expectArguments(node, 2, 3);
  const zones = zone === undefined ? [] : [emitZone(zone)];
  return call(named("trunc", partOf(part, node), node, node.name), emit(value, scope), ...zones);
}

function emitLastDay(node: Call, scope: Scope): Emission {
  const [value, part] = expectArguments(node, 1, 2);
  const name = part === undefined ? "MONTH" : partOf(part, node);
  return call(named("last_day", name, node, node.name), emit(value, scope));
}

function emitSeries(node: Call, type: string, scope: Scope): Emission {
  const [start, end, step] = expectArguments(node, type === "date" ? 2 : 3, 3);
  if (step !== undefined && step.kind !== "interval")
    throw new Refusal(`${node.name} without a literal INTERVAL`, node.at);
  const name = named(`${type}_series`, step?.part ?? "DAY", node, node.name);
  const count = step === undefined ? plain("CAST(1 AS BIGINT)") : emit(step.amount, scope);
  return call(name, emitPoint(start, type, scope), emitPoint(end ?? start, type, scope), count);
}

function partOf(node: Expression | undefined, of: Call): string {
  if (node?.kind !== "path" || node.names.length !== 1)
    throw new Invalid(`${of.name} without a date part`, of.at);
  return (node.names[0] ?? "").toUpperCase();
}

/** The arguments, of which there must be so many. */
export function expectArguments(
  node: Call,
  least: number,
  most: number,
): readonly [Expression, ...Expression[]] {
  const [first, ...others] = node.arguments;
  const count = node.arguments.length;
  if (first === undefined || count < least || count > most) {
    throw new Invalid(`${node.name} with ${count} arguments`, node.at);
  }
  return [first, ...others];
}
