/** Reading customers from a file that people keep: CSV with a header line, JSON, or newline-delimited JSON. */

import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { parse } from "csv-parse/sync";
import { Misconfigured, messageOf } from "../../core/errors.ts";
import { type Customer, customerSchema } from "./customers.ts";

/** Every customer of the file. Throws `Misconfigured` with all problems, each with its line or position. */
export async function readCustomers(path: string): Promise<readonly Customer[]> {
  const records = await recordsOf(path);
  const problems: string[] = [];
  const customers = records.flatMap((record, index) => {
    const parsed = customerSchema.safeParse(record);
    if (parsed.success) return [parsed.data];
    for (const issue of parsed.error.issues) {
      problems.push(`${path}: customer ${index + 1}: ${issue.path.join(".") || "record"}: ${issue.message}`);
    }
    return [];
  });
  if (problems.length > 0) throw new Misconfigured(problems);
  return customers;
}

async function recordsOf(path: string): Promise<readonly unknown[]> {
  try {
    const text = await readFile(path, "utf8");
    switch (extname(path).toLowerCase()) {
      case ".csv":
        return (parse(text, { columns: true, trim: true, bom: true }) as Record<string, string>[]).map(
          fromCsv,
        );
      case ".ndjson":
        return text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [JSON.parse(line)]));
      case ".json":
        return [JSON.parse(text)].flat();
      default:
        throw new Misconfigured([`${path}: expected a file ending in .csv, .json or .ndjson`]);
    }
  } catch (error) {
    if (error instanceof Misconfigured) throw error;
    throw new Misconfigured([`${path} cannot be read: ${messageOf(error)}`]);
  }
}

/** CSV knows only text: empty means not given, and truth is written true or false. */
function fromCsv(record: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, value]): [string, unknown][] => {
      if (value === "") return [];
      return [
        [
          name,
          name === "is_active" && /^(true|false)$/i.test(value) ? value.toLowerCase() === "true" : value,
        ],
      ];
    }),
  );
}
