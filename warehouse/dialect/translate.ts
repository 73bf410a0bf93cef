/** BigQuery's dialect to DuckDB's: a script in, one translation a statement out. Nothing is run and no table is looked at. */
import type { Target } from "../warehouse.ts";
import { rootScope } from "./emitter/scope.ts";
import { type Emitted, emitStatement } from "./emitter/statements.ts";
import { parseScript } from "./grammar/script.ts";

export interface TranslationOptions {
  /** The project of names that carry none; a catalog of DuckDB's. */
  readonly project: string;
  /** The dataset of names that carry none; without it such a name is refused. */
  readonly dataset?: string;
}

export interface Translated extends Emitted {
  /** The statement as it was written. */
  readonly source: string;
  /** Every table and view that the statement names. */
  readonly references: readonly Target[];
}

/**
 * Translates a script of statements.
 *
 * @throws Refusal for every construct that is not proven to give BigQuery's answer, with its place.
 */
export function translate(sql: string, options: TranslationOptions): readonly Translated[] {
  return parseScript(sql).map(({ statement, source }) => {
    const scope = rootScope(options.project, options.dataset);
    const emitted = emitStatement(statement, scope);
    return { ...emitted, source, references: scope.references };
  });
}
