/** The library of macros that translated statements call, and the SQL that installs the ones in use. */
import { aggregates } from "./macros/aggregates.ts";
import { arithmetic } from "./macros/arithmetic.ts";
import { arrays } from "./macros/arrays.ts";
import { conversions } from "./macros/casts.ts";
import { comparisons } from "./macros/comparisons.ts";
import { dateParts } from "./macros/date-parts.ts";
import { dates } from "./macros/dates.ts";
import { jsons } from "./macros/json.ts";
import { literals } from "./macros/literals.ts";
import { installation, isTyped, type Macro, twinInstallation, twinName } from "./macros/macro.ts";
import { numbers } from "./macros/numbers.ts";
import { strings } from "./macros/strings.ts";

/** The in-memory catalog that holds the library. */
export const LIBRARY_CATALOG = "bq";

const FAMILIES = [
  comparisons,
  literals,
  arithmetic,
  numbers,
  conversions,
  aggregates,
  strings,
  dates,
  dateParts,
  jsons,
  arrays,
];

const MACROS: ReadonlyMap<string, Macro> = new Map(FAMILIES.flat().map((macro) => [macro.name, macro]));

export function findMacro(name: string): Macro | undefined {
  return MACROS.get(name);
}

export const macroNames: readonly string[] = [...MACROS.keys()];

/** The names of macros, twins included, that a text of SQL calls. */
export function macrosIn(sql: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, name] of sql.matchAll(/\bbq"?\."?(\w+)/g))
    if (name !== undefined && known(name)) names.add(name);
  return names;
}

function known(name: string): boolean {
  return MACROS.has(name) || (name.endsWith("_w") && MACROS.has(name.slice(0, -2)));
}

/** The statements that install the macros and what they call, in order; `installed` grows by them. */
export function installations(names: Iterable<string>, installed: Set<string>): readonly string[] {
  const statements: string[] = [];
  for (const name of names) {
    if (installed.has(name)) continue;
    installed.add(name);
    const plain = MACROS.get(name);
    const macro = plain ?? MACROS.get(name.slice(0, -2));
    if (macro === undefined) continue;
    const called = macrosIn(macro.overloads.map(({ body }) => body).join(" "));
    statements.push(...installations(called, installed));
    statements.push(plain === undefined ? twinInstallation(macro) : installation(macro));
  }
  return statements;
}

/** The SQL of one call; a twin when a value must not be typed by the binder. */
export function macroCall(
  name: string,
  values: readonly string[],
  witnesses: readonly string[] | undefined,
): string {
  const macro = MACROS.get(name);
  if (witnesses === undefined || macro === undefined || !isTyped(macro))
    return `bq.${name}(${values.join(", ")})`;
  return `bq.${twinName(name)}(${[...values, ...witnesses].join(", ")})`;
}

const uses = new Map<string, readonly number[]>();

/** How often a macro's body repeats each of its parameters, with the macros that it calls: an upper bound. */
export function parameterUses(name: string): readonly number[] {
  const known = uses.get(name);
  if (known !== undefined) return known;
  const overloads = MACROS.get(name)?.overloads ?? [];
  const length = Math.max(0, ...overloads.map(({ parameters }) => parameters.length));
  const counted = Array.from({ length }, (_, index) =>
    Math.max(1, ...overloads.map(({ parameters, body }) => usesIn(body, parameters[index]?.name))),
  );
  uses.set(name, counted);
  return counted;
}

function usesIn(body: string, parameter: string | undefined): number {
  if (parameter === undefined) return 0;
  const direct = body.match(new RegExp(`\\b${parameter}\\b`, "g"))?.length ?? 0;
  const called = [...macrosIn(body)].map((name) => Math.max(1, ...parameterUses(name)));
  return direct * Math.max(1, ...called);
}
