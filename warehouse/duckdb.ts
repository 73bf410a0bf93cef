/** The warehouse in a DuckDB file: raw tables, loads, and BigQuery's dialect through the translator beside it. */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import {
  BIGINT,
  type DuckDBConnection,
  DuckDBInstance,
  DuckDBScalarFunction,
  type DuckDBType,
  VARCHAR,
} from "@duckdb/node-api";
import { hasCode, Misconfigured, messageOf, Refused } from "../core/errors.ts";
import { type Write, writeProblem } from "./dialect/assignments.ts";
import {
  checkCase,
  columnsQuery,
  commentQuery,
  existsQuery,
  relationOf,
  relationsQuery,
  viewsQuery,
} from "./dialect/catalog.ts";
import { quoted, text } from "./dialect/emitter/emission.ts";
import { tableSql } from "./dialect/emitter/tables.ts";
import { openingError, refusedBy } from "./dialect/engine-errors.ts";
import { farmFingerprint } from "./dialect/fingerprint.ts";
import { installations, LIBRARY_CATALOG, macrosIn } from "./dialect/library.ts";
import {
  addedColumns,
  checkStatement,
  loadStatement,
  segmentsQuery,
  tableDefinition,
} from "./dialect/raw-tables.ts";
import { type Translated, translate } from "./dialect/translate.ts";
import { fieldOf } from "./dialect/types.ts";
import { distinctNames, resultValue } from "./dialect/values.ts";
import type {
  Effect,
  LoadableSegment,
  LoadedSegments,
  LoadQuota,
  QueryResult,
  Relation,
  SegmentWindow,
  TableSpec,
  Target,
  Warehouse,
} from "./warehouse.ts";

export interface DuckdbWarehouseOptions {
  /** The database file, made with its folders when missing, or `:memory:`. */
  readonly path: string;
  /** The project that the file's tables belong to; it becomes DuckDB's catalog. */
  readonly project: string;
}

function unbilled(rows: number): Effect {
  return { rows, bytesBilled: 0 };
}

/** Names that DuckDB or this adapter keeps for itself. */
const RESERVED = ["memory", "system", "temp", "main", LIBRARY_CATALOG];

/**
 * Opens the warehouse.
 *
 * @throws Unavailable when another process has the file open, Misconfigured when the file or the project cannot be used.
 */
export async function duckdbWarehouse(options: DuckdbWarehouseOptions): Promise<Warehouse> {
  if (RESERVED.includes(options.project.toLowerCase())) {
    throw new Misconfigured([
      `project ${options.project}: DuckDB keeps this name for itself; choose another`,
    ]);
  }
  await makeFolder(options.path);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run(`SET GLOBAL TimeZone = 'UTC'; ATTACH ':memory:' AS ${LIBRARY_CATALOG};`);
    await connection.run(`ATTACH ${text(options.path)} AS ${quoted(options.project)}`);
  } catch (error) {
    connection.closeSync();
    instance.closeSync();
    throw openingError(error, options.path);
  }
  registerFunctions(connection);
  return new DuckdbWarehouse(instance, connection, options.project);
}

async function makeFolder(path: string): Promise<void> {
  if (path === ":memory:") return;
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (error) {
    if (!hasCode(error, "EACCES", "ENOTDIR", "EEXIST", "EROFS")) throw error;
    throw new Misconfigured([`warehouse ${path}: its folder cannot be made (${messageOf(error)})`]);
  }
}

/** Functions that DuckDB lacks, computed in JavaScript over hexadecimal digits. */
function registerFunctions(connection: DuckDBConnection): void {
  register(connection, "darkroom_fingerprint", BIGINT, farmFingerprint);
  register(connection, "darkroom_sha512", VARCHAR, (bytes) =>
    createHash("sha512").update(bytes).digest("hex"),
  );
}

function register<T extends bigint | string>(
  connection: DuckDBConnection,
  name: string,
  returnType: DuckDBType,
  compute: (bytes: Buffer) => T,
): void {
  const definition = DuckDBScalarFunction.create({
    name,
    parameterTypes: [VARCHAR],
    returnType,
    mainFunction: (_info, input, output) => {
      const column = input.getColumnVector(0);
      for (let row = 0; row < input.rowCount; row++) {
        const digits = column.getItem(row);
        output.setItem(row, digits === null ? null : compute(Buffer.from(String(digits), "hex")));
      }
      output.flush();
    },
  });
  connection.registerScalarFunction(definition);
}

class DuckdbWarehouse implements Warehouse {
  readonly #instance: DuckDBInstance;
  /** Writes go through one connection, one unit after the other. */
  readonly #writer: DuckDBConnection;
  readonly project: string;
  readonly #installed = new Set<string>();
  #queue: Promise<unknown> = Promise.resolve();
  #installing: Promise<unknown> | undefined;
  #relations: Promise<readonly Relation[]> | undefined;

  constructor(instance: DuckDBInstance, writer: DuckDBConnection, project: string) {
    this.#instance = instance;
    this.#writer = writer;
    this.project = project;
  }

  async ensureTables(dataset: string, tables: readonly TableSpec[]): Promise<void> {
    await this.#unit(async () => {
      await this.#run(`CREATE SCHEMA IF NOT EXISTS ${quoted(this.project)}.${quoted(dataset)}`);
      const problems: string[] = [];
      for (const spec of tables) {
        const target = { project: this.project, dataset, name: spec.name };
        const existing = await this.#columnTypes(target);
        if (existing.size === 0) await this.#run(tableDefinition(target, spec));
        else {
          const { statements, differences } = addedColumns(target, spec, existing);
          problems.push(...differences);
          for (const statement of statements) await this.#run(statement);
        }
      }
      if (problems.length > 0) throw new Misconfigured(problems);
    });
  }

  async loadedSegments(dataset: string, table: TableSpec, window?: SegmentWindow): Promise<LoadedSegments> {
    const rows = await this.#read(
      segmentsQuery({ project: this.project, dataset, name: table.name }, table, window),
    );
    return { names: new Set(rows.map(([name]) => String(name))), bytesBilled: 0 };
  }

  async loadedThrough(dataset: string, table: string): Promise<string | undefined> {
    const rows = await this.#read(commentQuery({ project: this.project, dataset, name: table }));
    return /^loaded through (\S+)$/.exec(String(rows[0]?.[0]))?.[1];
  }

  async noteLoadedThrough(dataset: string, table: string, date: string): Promise<void> {
    const target = tableSql({ project: this.project, dataset, name: table });
    await this.#unit(() => this.#run(`COMMENT ON TABLE ${target} IS ${text(`loaded through ${date}`)}`));
  }

  async loadQuota(): Promise<LoadQuota> {
    return { used: 0, limit: Number.POSITIVE_INFINITY };
  }

  async load(dataset: string, table: TableSpec, segments: readonly LoadableSegment[]): Promise<Effect> {
    const target = { project: this.project, dataset, name: table.name };
    if (segments.length === 0) return unbilled(0);
    return await this.#unit(async () => {
      const names = segments.map(({ name }) => text(name)).join(", ");
      const loaded = await this.#writer.runAndReadAll(
        `SELECT DISTINCT _segment FROM ${tableSql(target)} WHERE _segment IN (${names})`,
      );
      const known = new Set(loaded.getRows().map(([name]) => String(name)));
      const missing = new Map(
        segments.filter(({ name }) => !known.has(name)).map((segment) => [segment.name, segment]),
      );
      if (missing.size === 0) return unbilled(0);
      const pending = [...missing.values()];
      await this.#run(checkStatement(table, pending));
      return unbilled((await this.#run(loadStatement(target, table, pending))).rowsChanged);
    });
  }

  async relations(): Promise<readonly Relation[]> {
    this.#relations ??= this.#readRelations();
    return await this.#relations;
  }

  async execute(script: string): Promise<Effect> {
    const statements = translate(script, { project: this.project });
    await this.#prepare(statements);
    const count = await this.#unit(async () => {
      let last = 0;
      for (const statement of statements) last = await this.#executeOne(statement);
      return last;
    });
    return unbilled(count);
  }

  async query(sql: string): Promise<QueryResult> {
    const [statement, ...others] = translate(sql, { project: this.project });
    if (statement?.kind !== "query" || others.length > 0) {
      throw new Refused("not_a_query", "This is not one query.", "exactly one SELECT");
    }
    await this.#prepare([statement]);
    const connection = await this.#instance.connect();
    try {
      const reader = await connection.runAndReadAll(statement.sql.join(";"));
      const names = distinctNames(reader.columnNames());
      const schema = reader.columnTypes().map((type, index) => fieldOf(names[index] ?? "", type));
      const rows = reader
        .getRows()
        .map((row) =>
          Object.fromEntries(schema.map((field, index) => [field.name, resultValue(row[index], field)])),
        );
      return { schema, rows, bytesBilled: 0 };
    } catch (error) {
      throw refusedBy(error);
    } finally {
      connection.closeSync();
    }
  }

  async close(): Promise<void> {
    await this.#queue.catch(() => undefined);
    await this.#writer.run(`CHECKPOINT ${quoted(this.project)}`);
    await this.#writer.run(`DETACH ${quoted(this.project)}`);
    this.#writer.closeSync();
    this.#instance.closeSync();
  }

  /** One transaction behind all earlier ones; an error leaves everything as it was. */
  async #unit<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.catch(() => undefined).then(() => this.#transaction(work));
    this.#queue = turn;
    return await turn;
  }

  async #transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.#writer.run("BEGIN TRANSACTION");
    this.#relations = undefined;
    try {
      const result = await work();
      await this.#writer.run("COMMIT");
      return result;
    } catch (error) {
      await this.#writer.run("ROLLBACK").catch(() => undefined);
      throw refusedBy(error);
    } finally {
      this.#relations = undefined;
    }
  }

  async #run(sql: string) {
    return await this.#writer.run(sql);
  }

  async #read(sql: string): Promise<readonly (readonly unknown[])[]> {
    const connection = await this.#instance.connect();
    try {
      return (await connection.runAndReadAll(sql)).getRows();
    } catch (error) {
      throw refusedBy(error);
    } finally {
      connection.closeSync();
    }
  }

  /** Installs the macros that the statements call, and those of views that exist; refuses names that differ in case. */
  async #prepare(statements: readonly Translated[]): Promise<void> {
    this.#installing ??= this.#installForViews();
    const names = macrosIn(statements.flatMap(({ sql, guards }) => [...guards, ...sql]).join("\n"));
    this.#installing = this.#installing.then(() => this.#install(names));
    await this.#installing;
    const relations = await this.relations();
    for (const reference of statements.flatMap(({ references }) => references))
      checkCase(reference, relations);
  }

  async #installForViews(): Promise<void> {
    const views = await this.#read(viewsQuery(this.project));
    await this.#install(macrosIn(views.flat().join("\n")));
  }

  async #install(names: ReadonlySet<string>): Promise<void> {
    const statements = installations(names, this.#installed);
    if (statements.length === 0) return;
    const connection = await this.#instance.connect();
    await connection.run(statements.join("\n"));
    connection.closeSync();
  }

  async #executeOne(statement: Translated): Promise<number> {
    const { target } = statement;
    if (target !== undefined) {
      for (const write of statement.writes ?? []) await this.#checkWrite(write, target);
    }
    for (const guard of statement.guards) await this.#run(guard);
    if (statement.replaces === true && target !== undefined)
      await this.#dropOtherKind(statement.kind, target);
    let changed = 0;
    for (const sql of statement.sql) {
      const result = await this.#writer.runAndReadAll(sql);
      changed = statement.kind === "query" ? result.currentRowCount : result.rowsChanged;
    }
    if (statement.kind !== "table" || target === undefined) return changed;
    await this.#closeTypes(target);
    const counted = await this.#writer.runAndReadAll(`SELECT count(*) FROM ${tableSql(target)}`);
    return Number(counted.getRows()[0]?.[0] ?? 0);
  }

  async #checkWrite(write: Write, target: Target): Promise<void> {
    const columns = [...(await this.#columnTypes(target))].map(([name, type]) => ({ name, type }));
    const described = await this.#writer.runAndReadAll(`DESCRIBE ${write.query}`);
    const values = described.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }));
    const problem = columns.length === 0 ? undefined : writeProblem(write, columns, values);
    if (problem !== undefined) {
      throw new Refused(
        "query_failed",
        `${target.dataset}.${target.name}: ${problem}.`,
        "values of the columns' types",
      );
    }
  }

  /** DuckDB does not replace a view by a table or the other way round. */
  async #dropOtherKind(kind: string, target: Target): Promise<void> {
    const other = kind === "table" ? "view" : "table";
    const found = await this.#writer.runAndReadAll(existsQuery(other, target));
    if (found.currentRowCount > 0) await this.#run(`DROP ${other} ${tableSql(target)}`);
  }

  /** A new table has only types of the closed set; an untyped NULL, 32 bits wide here, is an INT64. */
  async #closeTypes(target: Target): Promise<void> {
    const reader = await this.#writer.runAndReadAll(`SELECT * FROM ${tableSql(target)} LIMIT 0`);
    const names = reader.columnNames();
    for (const [index, type] of reader.columnTypes().entries()) {
      const name = names[index] ?? "";
      fieldOf(name, type);
      if (type.toString() !== "INTEGER") continue;
      await this.#run(`ALTER TABLE ${tableSql(target)} ALTER COLUMN ${quoted(name)} SET DATA TYPE BIGINT`);
    }
  }

  async #columnTypes(target: Target): Promise<ReadonlyMap<string, string>> {
    const found = await this.#writer.runAndReadAll(columnsQuery(target));
    return new Map(found.getRows().map(([column, type]) => [String(column), String(type)]));
  }

  async #readRelations(): Promise<readonly Relation[]> {
    const rows = await this.#read(relationsQuery(this.project));
    return rows.map((row) => relationOf(this.project, row));
  }
}
