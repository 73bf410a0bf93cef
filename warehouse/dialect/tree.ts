/** The typed tree of expressions and queries: what the grammar makes and the emitter reads. */
import type { Position } from "./refusal.ts";

interface Node {
  readonly at: Position;
}

// Types as written -----------------------------------------------------------------------------------------------

export type TypeName =
  | { readonly kind: "scalar"; readonly name: ScalarType; readonly at: Position }
  | { readonly kind: "array"; readonly element: TypeName; readonly at: Position }
  | { readonly kind: "struct"; readonly fields: readonly TypeField[]; readonly at: Position };

export type ScalarType =
  | "INT64"
  | "FLOAT64"
  | "NUMERIC"
  | "BOOL"
  | "STRING"
  | "BYTES"
  | "DATE"
  | "DATETIME"
  | "TIMESTAMP"
  | "TIME"
  | "JSON";

export interface TypeField {
  readonly name: string | undefined;
  readonly type: TypeName;
}

// Expressions ----------------------------------------------------------------------------------------------------

export type Expression =
  | IntegerLiteral
  | FloatLiteral
  | StringLiteral
  | BytesLiteral
  | BooleanLiteral
  | NullLiteral
  | TypedLiteral
  | IntervalLiteral
  | Path
  | FieldAccess
  | Subscript
  | Unary
  | Binary
  | Between
  | InList
  | InQuery
  | InArray
  | Like
  | IsTest
  | DistinctTest
  | Case
  | Cast
  | Extract
  | Call
  | ArrayLiteral
  | ArrayQuery
  | StructLiteral
  | Tuple
  | ScalarQuery
  | Exists
  | Parameter
  | Star;

export interface IntegerLiteral extends Node {
  readonly kind: "integer";
  readonly text: string;
}
export interface FloatLiteral extends Node {
  readonly kind: "float";
  readonly text: string;
}
export interface StringLiteral extends Node {
  readonly kind: "string";
  readonly value: string;
}
export interface BytesLiteral extends Node {
  readonly kind: "bytes";
  readonly hexadecimal: string;
}
export interface BooleanLiteral extends Node {
  readonly kind: "boolean";
  readonly value: boolean;
}
export interface NullLiteral extends Node {
  readonly kind: "null";
}
/** `DATE '2026-01-31'` and its like. */
export interface TypedLiteral extends Node {
  readonly kind: "typed-literal";
  readonly type: "DATE" | "DATETIME" | "TIMESTAMP" | "TIME" | "NUMERIC" | "JSON";
  readonly value: string;
}
/** `INTERVAL 3 DAY`; stands only where a function or operator takes one. */
export interface IntervalLiteral extends Node {
  readonly kind: "interval";
  readonly amount: Expression;
  readonly part: string;
}
/** `a`, `a.b.c`: a column, a field of a column, or a table's alias. */
export interface Path extends Node {
  readonly kind: "path";
  readonly names: readonly string[];
}
export interface FieldAccess extends Node {
  readonly kind: "field";
  readonly of: Expression;
  readonly name: string;
}
export interface Subscript extends Node {
  readonly kind: "subscript";
  readonly of: Expression;
  readonly mode: "PLAIN" | "OFFSET" | "SAFE_OFFSET" | "ORDINAL" | "SAFE_ORDINAL";
  readonly index: Expression;
}
export interface Unary extends Node {
  readonly kind: "unary";
  readonly operator: "-" | "+" | "~" | "NOT";
  readonly operand: Expression;
}
export type BinaryOperator = "OR" | "AND" | "=" | "!=" | "<" | "<=" | ">" | ">=" | ArithmeticOperator;
export type ArithmeticOperator = "+" | "-" | "*" | "/" | "||" | "|" | "^" | "&" | "<<" | ">>";
export interface Binary extends Node {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
}
export interface Between extends Node {
  readonly kind: "between";
  readonly negated: boolean;
  readonly value: Expression;
  readonly low: Expression;
  readonly high: Expression;
}
export interface InList extends Node {
  readonly kind: "in-list";
  readonly negated: boolean;
  readonly value: Expression;
  readonly items: readonly Expression[];
}
export interface InQuery extends Node {
  readonly kind: "in-query";
  readonly negated: boolean;
  readonly value: Expression;
  readonly query: Query;
}
export interface InArray extends Node {
  readonly kind: "in-array";
  readonly negated: boolean;
  readonly value: Expression;
  readonly array: Expression;
}
export interface Like extends Node {
  readonly kind: "like";
  readonly negated: boolean;
  readonly value: Expression;
  /** More than one for LIKE ANY and LIKE ALL. */
  readonly patterns: readonly Expression[];
  readonly quantifier: "one" | "any" | "all";
}
export interface IsTest extends Node {
  readonly kind: "is";
  readonly negated: boolean;
  readonly value: Expression;
  readonly test: "NULL" | "TRUE" | "FALSE" | "UNKNOWN";
}
export interface DistinctTest extends Node {
  readonly kind: "distinct-test";
  readonly negated: boolean;
  readonly left: Expression;
  readonly right: Expression;
}
export interface Case extends Node {
  readonly kind: "case";
  readonly subject: Expression | undefined;
  readonly branches: readonly { readonly when: Expression; readonly result: Expression }[];
  readonly otherwise: Expression | undefined;
}
export interface Cast extends Node {
  readonly kind: "cast";
  readonly safe: boolean;
  readonly value: Expression;
  readonly type: TypeName;
}
export interface Extract extends Node {
  readonly kind: "extract";
  readonly part: string;
  readonly from: Expression;
  readonly zone: Expression | undefined;
}
export interface Call extends Node {
  readonly kind: "call";
  /** In upper case, with its prefix: `NET.HOST`. */
  readonly name: string;
  readonly safe: boolean;
  readonly arguments: readonly Expression[];
  readonly distinct: boolean;
  readonly nulls: "IGNORE" | "RESPECT" | undefined;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Expression | undefined;
  readonly over: Window | undefined;
}
export interface ArrayLiteral extends Node {
  readonly kind: "array";
  readonly element: TypeName | undefined;
  readonly items: readonly Expression[];
}
export interface ArrayQuery extends Node {
  readonly kind: "array-query";
  readonly query: Query;
}
export interface StructLiteral extends Node {
  readonly kind: "struct";
  readonly type: readonly TypeField[] | undefined;
  readonly fields: readonly { readonly name: string | undefined; readonly value: Expression }[];
}
/** `(a, b)`: only beside IN and as a row of an array of structs. */
export interface Tuple extends Node {
  readonly kind: "tuple";
  readonly items: readonly Expression[];
}
export interface ScalarQuery extends Node {
  readonly kind: "scalar-query";
  readonly query: Query;
}
export interface Exists extends Node {
  readonly kind: "exists";
  readonly query: Query;
}
export interface Parameter extends Node {
  readonly kind: "parameter";
  readonly name: string;
}
/** The `*` of COUNT(*). */
export interface Star extends Node {
  readonly kind: "star";
}

// Order and windows ----------------------------------------------------------------------------------------------

export interface OrderItem extends Node {
  readonly value: Expression;
  readonly descending: boolean;
  readonly nulls: "FIRST" | "LAST" | undefined;
}
export interface Window extends Node {
  readonly base: string | undefined;
  readonly partitionBy: readonly Expression[];
  readonly orderBy: readonly OrderItem[];
  readonly frame: Frame | undefined;
}
export interface Frame extends Node {
  readonly unit: "ROWS" | "RANGE";
  readonly start: FrameBound;
  readonly end: FrameBound | undefined;
}
export type FrameBound =
  | { readonly kind: "current" }
  | { readonly kind: "unbounded"; readonly direction: "PRECEDING" | "FOLLOWING" }
  | { readonly kind: "offset"; readonly direction: "PRECEDING" | "FOLLOWING"; readonly amount: Expression };

// Queries --------------------------------------------------------------------------------------------------------

export interface Query extends Node {
  readonly with: readonly NamedQuery[];
  readonly body: QueryBody;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Expression | undefined;
  readonly offset: Expression | undefined;
}
export interface NamedQuery extends Node {
  readonly name: string;
  readonly query: Query;
}
export type QueryBody = Select | SetOperation | NestedQuery;
export interface NestedQuery extends Node {
  readonly kind: "nested";
  readonly query: Query;
}
export interface SetOperation extends Node {
  readonly kind: "set";
  readonly operator: "UNION ALL" | "UNION DISTINCT" | "INTERSECT DISTINCT" | "EXCEPT DISTINCT";
  readonly parts: readonly QueryBody[];
}
export interface Select extends Node {
  readonly kind: "select";
  readonly distinct: boolean;
  readonly asStruct: boolean;
  readonly items: readonly SelectItem[];
  readonly from: FromItem | undefined;
  readonly where: Expression | undefined;
  readonly groupBy: GroupBy | undefined;
  readonly having: Expression | undefined;
  readonly qualify: Expression | undefined;
  readonly windows: readonly { readonly name: string; readonly window: Window }[];
}
export type SelectItem = SelectExpression | SelectStar;
export interface SelectExpression extends Node {
  readonly kind: "expression";
  readonly value: Expression;
  readonly alias: string | undefined;
}
export interface SelectStar extends Node {
  readonly kind: "star";
  /** The path before `.*`; undefined for a bare `*`. */
  readonly of: Expression | undefined;
  readonly except: readonly string[];
  readonly replace: readonly { readonly name: string; readonly value: Expression }[];
}
export type GroupBy =
  | { readonly kind: "all" }
  | { readonly kind: "items"; readonly items: readonly Expression[] }
  | { readonly kind: "rollup" | "cube"; readonly items: readonly Expression[] }
  | { readonly kind: "sets"; readonly sets: readonly (readonly Expression[])[] };

export type FromItem = TableItem | QueryItem | UnnestItem | Join | PivotItem;
export interface TableItem extends Node {
  readonly kind: "table";
  readonly names: readonly string[];
  readonly alias: string | undefined;
}
export interface QueryItem extends Node {
  readonly kind: "query";
  readonly query: Query;
  readonly alias: string | undefined;
}
export interface UnnestItem extends Node {
  readonly kind: "unnest";
  readonly array: Expression;
  readonly alias: string | undefined;
  /** The alias of WITH OFFSET; undefined without the clause. */
  readonly offset: string | undefined;
}
export interface Join extends Node {
  readonly kind: "join";
  readonly type: "INNER" | "LEFT" | "RIGHT" | "FULL" | "CROSS" | "COMMA";
  readonly left: FromItem;
  readonly right: FromItem;
  readonly on: Expression | undefined;
  readonly using: readonly string[];
}
/** PIVOT over a subquery or table. */
export interface PivotItem extends Node {
  readonly kind: "pivot";
  readonly source: FromItem;
  readonly aggregates: readonly { readonly call: Expression; readonly alias: string | undefined }[];
  readonly column: string;
  readonly values: readonly { readonly value: Expression; readonly alias: string | undefined }[];
  readonly alias: string | undefined;
}
