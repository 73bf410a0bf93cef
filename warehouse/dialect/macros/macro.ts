/** What a macro of the library is, and the SQL that installs it. */

/** BigQuery's type names in the words of DuckDB. */
export const ENGINE_TYPES = {
  INT64: "BIGINT",
  FLOAT64: "DOUBLE",
  NUMERIC: "DECIMAL(38,9)",
  BOOL: "BOOLEAN",
  STRING: "VARCHAR",
  BYTES: "BLOB",
  DATE: "DATE",
  DATETIME: "TIMESTAMP",
  TIMESTAMP: "TIMESTAMPTZ",
  TIME: "TIME",
  JSON: "JSON",
} as const;

export interface Parameter {
  readonly name: string;
  /** In DuckDB's words; undefined takes any type. */
  readonly type: string | undefined;
}

export interface Overload {
  readonly parameters: readonly Parameter[];
  readonly body: string;
}

/**
 * A function that DuckDB overloads by the types of its arguments: a type that no overload names is refused by the binder.
 * Bodies may call other macros only when those take any type, so that the twin below needs no types inside.
 */
export interface Macro {
  readonly name: string;
  /** BigQuery's documented rule that the bodies keep. */
  readonly rule: string;
  readonly overloads: readonly Overload[];
}

/** `macro("add", "…", ["a INT64, b INT64", "a + b"])`: signatures in BigQuery's type names, `a` alone for any type. */
export function macro(
  name: string,
  rule: string,
  ...overloads: readonly (readonly [string, string])[]
): Macro {
  return {
    name,
    rule,
    overloads: overloads.map(([signature, body]) => ({ parameters: parse(signature), body })),
  };
}

function parse(signature: string): readonly Parameter[] {
  if (signature === "") return [];
  return signature.split(", ").map((part) => {
    const [name = "", type] = part.split(" ");
    return { name, type: type === undefined ? undefined : engineType(type) };
  });
}

function engineType(type: string): string {
  const [, name = "", list = ""] = /^(\w+)(\[\])?$/.exec(type) ?? [];
  return `${ENGINE_TYPES[name as keyof typeof ENGINE_TYPES]}${list}`;
}

/** Whether the binder chooses among overloads by type. */
export function isTyped(macro: Macro): boolean {
  return macro.overloads.some(({ parameters }) => parameters.some(({ type }) => type !== undefined));
}

/** The name of the twin that takes every value untyped and its type from a witness. */
export function twinName(name: string): string {
  return `${name}_w`;
}

/** The statement that installs a macro in the catalog `bq`. */
export function installation(macro: Macro): string {
  const overloads = macro.overloads.map(({ parameters, body }) => `(${declare(parameters)}) AS (${body})`);
  return `CREATE OR REPLACE MACRO bq.${macro.name}${overloads.join(", ")};`;
}

/**
 * DuckDB cannot type an aggregate or window call as a macro's argument. The twin takes untyped values and, behind them,
 * one witness each: an expression of the same type that only chooses the overload and is never computed.
 */
export function twinInstallation(macro: Macro): string {
  const overloads = macro.overloads.map(({ parameters, body }) => {
    const values = parameters.map(({ name }) => ({ name, type: undefined }));
    const witnesses = parameters.map(({ name, type }) => ({ name: `${name}_type`, type }));
    return `(${declare([...values, ...witnesses])}) AS (${body})`;
  });
  return `CREATE OR REPLACE MACRO bq.${twinName(macro.name)}${overloads.join(", ")};`;
}

function declare(parameters: readonly Parameter[]): string {
  return parameters.map(({ name, type }) => (type === undefined ? name : `${name} ${type}`)).join(", ");
}
