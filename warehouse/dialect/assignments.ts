/** Which values BigQuery lets into a column of which type; DuckDB would round or convert the others without a word. */
import type { Expression } from "./tree.ts";

/** What a statement writes: a query whose columns go into columns of the target. */
export interface Write {
  /** The target's columns in the order of the query's; undefined means all of them. */
  readonly columns: readonly string[] | undefined;
  /** For each column whether the value is a literal, which takes the column's type. */
  readonly literal: readonly boolean[];
  readonly query: string;
}

/** A column's type as DuckDB names it. */
export interface ColumnType {
  readonly name: string;
  readonly type: string;
}

/** Coercions beside equal types, from and to. */
const COERCED: Readonly<Record<string, readonly string[]>> = {
  BIGINT: ["DECIMAL(38,9)", "DOUBLE"],
  "DECIMAL(38,9)": ["DOUBLE"],
  DATE: ["TIMESTAMP"],
};
const OF_TEXT = ["DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIME"];
const OF_NUMBER = ["DECIMAL(38,9)", "DOUBLE"];

export function isLiteral(node: Expression): boolean {
  return (
    node.kind === "string" ||
    node.kind === "float" ||
    (node.kind === "unary" && node.operand.kind === "float")
  );
}

/** What is wrong with a write; undefined when every value fits its column. */
export function writeProblem(
  write: Write,
  target: readonly ColumnType[],
  written: readonly ColumnType[],
): string | undefined {
  const columns = write.columns ?? target.map(({ name }) => name);
  if (columns.length !== written.length) return `${written.length} values for ${columns.length} columns`;
  for (const [index, name] of columns.entries()) {
    const column = target.find((other) => other.name.toLowerCase() === name.toLowerCase());
    const value = written[index];
    if (column === undefined || value === undefined) return `there is no column ${name}`;
    if (!fits(plain(value.type), plain(column.type), write.literal[index] === true)) {
      return `column ${name} is ${column.type} and the value ${value.type}`;
    }
  }
  return undefined;
}

const plain = (type: string): string => type.replaceAll('"', "").toUpperCase();

function fits(from: string, to: string, isLiteralValue: boolean): boolean {
  // An untyped NULL or an empty list fits every column.
  if (from === to || from === "NULL" || from === "INTEGER" || (from === "INTEGER[]" && to.endsWith("[]")))
    return true;
  if (COERCED[from]?.includes(to) === true) return true;
  if (!isLiteralValue) return false;
  return (
    (from === "VARCHAR" && OF_TEXT.includes(to)) ||
    (/^(DOUBLE|DECIMAL\()/.test(from) && OF_NUMBER.includes(to))
  );
}
