/** The typed tree of statements: what they make, change and remove. */
import type { Position } from "./refusal.ts";
import type { Expression, FromItem, Query, QueryItem, TableItem, TypeName } from "./tree.ts";

interface Node {
  readonly at: Position;
}

export type Statement =
  | QueryStatement
  | CreateTable
  | CreateView
  | CreateSchema
  | Drop
  | Insert
  | Update
  | Delete
  | Merge
  | Truncate
  | AddColumns
  | DropColumns;

export interface QueryStatement extends Node {
  readonly kind: "query";
  readonly query: Query;
}
export interface TableName extends Node {
  readonly names: readonly string[];
}
export interface ColumnDefinition extends Node {
  readonly name: string;
  readonly type: TypeName;
  readonly required: boolean;
  readonly initial: Expression | undefined;
}
export interface CreateTable extends Node {
  readonly kind: "create-table";
  readonly table: TableName;
  readonly mode: "CREATE" | "OR REPLACE" | "IF NOT EXISTS";
  readonly columns: readonly ColumnDefinition[] | undefined;
  readonly query: Query | undefined;
  readonly partitionBy: Expression | undefined;
  /** The table that CLONE or COPY names; `query` reads it. */
  readonly copyOf: TableName | undefined;
}
export interface CreateView extends Node {
  readonly kind: "create-view";
  readonly table: TableName;
  readonly mode: "CREATE" | "OR REPLACE" | "IF NOT EXISTS";
  readonly columns: readonly string[] | undefined;
  readonly query: Query;
}
export interface CreateSchema extends Node {
  readonly kind: "create-schema";
  readonly names: readonly string[];
  readonly ifNotExists: boolean;
}
export interface Drop extends Node {
  readonly kind: "drop";
  readonly what: "TABLE" | "VIEW" | "SCHEMA";
  readonly table: TableName;
  readonly ifExists: boolean;
  readonly cascade: boolean;
}
export interface Insert extends Node {
  readonly kind: "insert";
  readonly table: TableName;
  readonly columns: readonly string[] | undefined;
  readonly rows: readonly (readonly Expression[])[] | undefined;
  readonly query: Query | undefined;
}
export interface Assignment extends Node {
  /** The alias that stands before the column, if one does. */
  readonly qualifier: string | undefined;
  readonly column: string;
  readonly value: Expression;
}
export interface Update extends Node {
  readonly kind: "update";
  readonly table: TableName;
  readonly alias: string | undefined;
  readonly assignments: readonly Assignment[];
  readonly from: FromItem | undefined;
  readonly where: Expression;
}
export interface Delete extends Node {
  readonly kind: "delete";
  readonly table: TableName;
  readonly alias: string | undefined;
  readonly where: Expression;
}
export interface Merge extends Node {
  readonly kind: "merge";
  readonly table: TableName;
  readonly alias: string | undefined;
  readonly source: TableItem | QueryItem;
  readonly on: Expression;
  readonly clauses: readonly MergeClause[];
}
export interface MergeClause extends Node {
  readonly matched: "MATCHED" | "NOT MATCHED BY TARGET" | "NOT MATCHED BY SOURCE";
  readonly condition: Expression | undefined;
  readonly action:
    | { readonly kind: "update"; readonly assignments: readonly Assignment[] }
    | { readonly kind: "delete" }
    | { readonly kind: "insert"; readonly columns: readonly string[]; readonly values: readonly Expression[] }
    | { readonly kind: "insert-row" };
}
export interface Truncate extends Node {
  readonly kind: "truncate";
  readonly table: TableName;
}
export interface DropColumns extends Node {
  readonly kind: "drop-columns";
  readonly table: TableName;
  readonly columns: readonly { readonly name: string; readonly ifExists: boolean }[];
}
export interface AddColumns extends Node {
  readonly kind: "add-columns";
  readonly table: TableName;
  readonly columns: readonly { readonly definition: ColumnDefinition; readonly ifNotExists: boolean }[];
}
