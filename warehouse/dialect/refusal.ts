/** The refusal of a construct that is not proven to give BigQuery's answer: named, with its place in the text. */
import { Refused } from "../../core/errors.ts";

/** A place in a statement's text; line and column count from 1. */
export interface Position {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/** What is refused, where, and what to write in its stead. */
export class Refusal extends Refused {
  /** The construct by the name that BigQuery's reference gives it. */
  readonly construct: string;
  readonly line: number;
  readonly column: number;
  /** What to write in its stead; empty when there is no obvious way. */
  readonly advice: string;

  constructor(construct: string, at: Position, advice = "", reason = "unsupported_sql") {
    const hint = advice === "" ? "" : ` ${advice}`;
    super(
      reason,
      `${construct} is not supported here (line ${at.line}, column ${at.column}).${hint}`,
      advice === "" ? "SQL within the proven part of BigQuery's dialect" : advice,
    );
    this.construct = construct;
    this.line = at.line;
    this.column = at.column;
    this.advice = advice;
  }
}

/** A statement that BigQuery itself rejects, for example a function with too few arguments. */
export class Invalid extends Refusal {
  constructor(problem: string, at: Position, advice = "") {
    super(problem, at, advice, "invalid_sql");
    this.message = `${problem} (line ${at.line}, column ${at.column}).${advice === "" ? "" : ` ${advice}`}`;
  }
}
