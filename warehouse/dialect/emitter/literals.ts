/** Literals, checked at translation so that DuckDB never reads one that BigQuery would reject. */
import { Invalid, Refusal } from "../refusal.ts";
import type { FloatLiteral, IntegerLiteral, TypedLiteral } from "../tree.ts";
import { type Emission, plain, text } from "./emission.ts";

const LOWEST = -(2n ** 63n);
const HIGHEST = 2n ** 63n - 1n;

export function emitInteger(node: IntegerLiteral): Emission {
  const negative = node.text.startsWith("-");
  const digits = BigInt(negative ? node.text.slice(1) : node.text);
  const value = negative ? -digits : digits;
  if (value < LOWEST || value > HIGHEST) throw new Invalid("An integer beyond INT64", node.at);
  return plain(value === LOWEST ? "CAST('-9223372036854775808' AS BIGINT)" : `CAST(${value} AS BIGINT)`);
}

export function emitFloat(node: FloatLiteral): Emission {
  if (!Number.isFinite(Number(node.text))) throw new Invalid("A number beyond FLOAT64", node.at);
  return plain(`CAST('${node.text}' AS DOUBLE)`);
}

/** A floating point literal as the NUMERIC that it becomes beside one; undefined when it has too many digits. */
export function asNumeric(digits: string): string | undefined {
  return /^-?\d{0,29}(\.\d{0,9})?$/.test(digits) ? `CAST('${digits}' AS DECIMAL(38,9))` : undefined;
}

const DAY = "(\\d{4})-(\\d{1,2})-(\\d{1,2})";
const CLOCK = "(\\d{1,2}):(\\d{1,2}):(\\d{1,2})(\\.\\d{1,6})?";
const DATE = new RegExp(`^${DAY}$`);
const TIME = new RegExp(`^${CLOCK}$`);
const DATETIME = new RegExp(`^${DAY}(?:[ Tt]${CLOCK})?$`);
const ZONE = /(?: ?([Zz])| (UTC)| ?([+-]\d{1,2})(?::?(\d{2}))?| ([A-Z][A-Za-z_]+\/[A-Za-z_/]+))$/;

export function emitTypedLiteral(node: TypedLiteral): Emission {
  switch (node.type) {
    case "DATE":
      return plain(`DATE '${padded(node, DATE)}'`);
    case "DATETIME":
      return plain(`TIMESTAMP '${padded(node, DATETIME)}'`);
    case "TIME":
      return plain(`TIME '${padded(node, TIME)}'`);
    case "TIMESTAMP":
      return emitTimestamp(node);
    case "NUMERIC": {
      const numeric = asNumeric(node.value.replace(/^\+/, ""));
      if (numeric === undefined || !/\d/.test(node.value))
        throw new Invalid(`The NUMERIC '${node.value}'`, node.at);
      return plain(numeric);
    }
    case "JSON":
      return emitJson(node);
  }
}

/** The value with two digits a field, when it has the form. */
function padded(node: TypedLiteral, form: RegExp, value = node.value): string {
  if (!form.test(value)) throw new Invalid(`The ${node.type} '${node.value}'`, node.at);
  return value.replace(/[Tt]/, " ").replace(/(?<![\d.])\d(?!\d)/g, "0$&");
}

function emitTimestamp(node: TypedLiteral): Emission {
  // The last part of a bare day looks like an offset.
  const zone = DATE.test(node.value) ? null : ZONE.exec(node.value);
  const clock = padded(node, DATETIME, zone === null ? node.value : node.value.slice(0, zone.index));
  if (zone?.[5] !== undefined) return plain(`(TIMESTAMP '${clock}' AT TIME ZONE '${zone[5]}')`);
  const hours = zone?.[3];
  const offset =
    hours === undefined ? "+00:00" : `${hours[0]}${hours.slice(1).padStart(2, "0")}:${zone?.[4] ?? "00"}`;
  const full = clock.includes(":") ? clock : `${clock} 00:00:00`;
  return plain(`TIMESTAMPTZ '${full}${offset}'`);
}

function emitJson(node: TypedLiteral): Emission {
  try {
    JSON.parse(node.value);
  } catch {
    throw new Invalid(`The JSON '${node.value}'`, node.at);
  }
  if (/\d[eE][+-]?\d|\d{16}/.test(node.value))
    throw new Refusal("A JSON literal with such a number", node.at);
  return plain(`CAST(${text(node.value)} AS JSON)`);
}
