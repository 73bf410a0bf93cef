/** Values of a result in BigQuery's form. */
import { Refused } from "../../core/errors.ts";
import type { Field, Value } from "../warehouse.ts";

/** DuckDB's own classes for values, by the parts that are read here. */
interface EngineValue {
  readonly micros?: bigint;
  readonly days?: number;
  readonly bytes?: Uint8Array;
  readonly items?: readonly unknown[];
  readonly entries?: Readonly<Record<string, unknown>>;
  toString(): string;
}

const MICROSECONDS_A_DAY = 86_400_000_000n;
const FIRST_DAY = -719_162;
const LAST_DAY = 2_932_896;

/** A value of a column. Throws `Refused` for what BigQuery cannot return: a NULL in an array, a year beyond 9999. */
export function resultValue(raw: unknown, field: Field): Value {
  if (field.mode !== "REPEATED") return scalarOf(raw, field);
  if (raw === null) return [];
  const element: Field = { ...field, mode: "NULLABLE" };
  return ((raw as EngineValue).items ?? []).map((item) => {
    if (item === null) throw refused(field, "an array with a NULL in it", "an array without NULL elements");
    return scalarOf(item, element);
  });
}

function scalarOf(raw: unknown, field: Field): Value {
  if (raw === null || raw === undefined) return null;
  const value = raw as EngineValue;
  switch (field.type) {
    case "BOOLEAN":
      return Boolean(raw);
    case "INTEGER":
      return integerOf(raw, field);
    case "FLOAT":
      return Number.isFinite(raw) ? Number(raw) : String(raw);
    case "NUMERIC":
      return value.toString().replace(/\.?0+$/, "");
    case "BYTES":
      return Buffer.from(value.bytes ?? []).toString("base64");
    case "DATE":
      return dayText(BigInt(value.days ?? 0), field);
    case "DATETIME":
      return clockText(value.micros ?? 0n, field);
    case "TIMESTAMP":
      return `${clockText(value.micros ?? 0n, field)}+00:00`;
    case "TIME":
      return timeText(value.micros ?? 0n);
    case "RECORD": {
      const fields = field.fields ?? [];
      return Object.fromEntries(
        fields.map((inner) => [inner.name, resultValue(value.entries?.[inner.name] ?? null, inner)]),
      );
    }
    default:
      return String(raw);
  }
}

function integerOf(raw: unknown, field: Field): Value {
  if (typeof raw !== "bigint") throw refused(field, "an integer of 32 bits", "an INT64");
  return Number.isSafeInteger(Number(raw)) ? Number(raw) : raw.toString();
}

function dayText(days: bigint, field: Field): string {
  if (days < FIRST_DAY || days > LAST_DAY)
    throw refused(field, "a day outside the years 1 to 9999", "a day within them");
  return new Date(Number(days) * 86_400_000).toISOString().slice(0, 10);
}

function clockText(micros: bigint, field: Field): string {
  const inDay = ((micros % MICROSECONDS_A_DAY) + MICROSECONDS_A_DAY) % MICROSECONDS_A_DAY;
  return `${dayText((micros - inDay) / MICROSECONDS_A_DAY, field)}T${timeText(inDay)}`;
}

function timeText(micros: bigint): string {
  const seconds = micros / 1_000_000n;
  const pad = (value: bigint, width = 2): string => String(value).padStart(width, "0");
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map((part) => pad(part)).join(":");
  return `${clock}.${pad(micros % 1_000_000n, 6)}`;
}

function refused(field: Field, problem: string, expected: string): Refused {
  return new Refused("unsupported_value", `Column ${field.name} holds ${problem}.`, expected);
}

/** Result names as BigQuery gives them: the second `x` is `x_1`. */
export function distinctNames(names: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  return names.map((name) => {
    const count = counts.get(name.toLowerCase()) ?? 0;
    counts.set(name.toLowerCase(), count + 1);
    return count === 0 ? name : `${name}_${count}`;
  });
}
