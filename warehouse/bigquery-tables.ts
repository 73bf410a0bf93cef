/** Raw tables in BigQuery: made from their definition, widened by new columns, and refused at any other difference. */

import type { TableField, TableMetadata } from "@google-cloud/bigquery";
import { Misconfigured, Unavailable } from "../core/errors.ts";
import declared from "../includes/tables.js";
import { application } from "./bigquery-jobs.ts";
import type { BigqueryRequests } from "./bigquery-requests.ts";
import { fieldOf } from "./bigquery-values.ts";
import type { Column, Field, Relation, TableSpec } from "./warehouse.ts";

/** Label of a table: the date through which every segment is known to be loaded. */
const loadedThroughLabel = "loaded_through";
/** A resource that others keep changing is read again so many times. */
const changeTries = 5;
/** Tables that are asked for at once; the service takes 100 requests a second of one account. */
const tablesAtOnce = 8;

type Fields = readonly TableField[];

/** The columns that a segment's rows have: all but the time of loading. */
export function segmentColumns(spec: TableSpec): readonly Column[] {
  return [...spec.columns, ...technicalColumns.filter(({ name }) => name !== "_loaded_at")];
}

/** The fields of a segment's file, for a load job: the table fills in the time of loading by itself. */
export function fileFields(spec: TableSpec): Fields {
  return segmentColumns(spec).map(restField);
}

/** Every field of the table. */
export function tableFields(spec: TableSpec): Fields {
  return [...spec.columns, ...technicalColumns].map(restField);
}

/**
 * A load job fills in a default only for a column that its schema leaves out (docs: default-values), and a job's schema may
 * not be known to leave out a REQUIRED one; so this column is NULLABLE, and only the default writes it.
 */
const technicalColumns: readonly Column[] = declared.technicalColumns.map((column) =>
  column.name === "_loaded_at" ? { ...column, mode: "NULLABLE" } : column,
);

function restField({ name, type, mode = "NULLABLE", description, fields }: Column): TableField {
  return {
    name,
    type: fieldOf({ name, type }).type,
    mode,
    description,
    ...(fields === undefined ? {} : { fields: fields.map(restField) }),
    ...(name === "_loaded_at" ? { defaultValueExpression: "CURRENT_TIMESTAMP()" } : {}),
  };
}

/** Makes what is missing and widens what has grown. Throws `Misconfigured` before anything is changed when tables differ otherwise. */
export async function ensureTables(
  requests: BigqueryRequests,
  dataset: string,
  specs: readonly TableSpec[],
): Promise<void> {
  await ensureDataset(requests, dataset);
  const existing = await Promise.all(specs.map(({ name }) => findTable(requests, dataset, name)));
  const problems = specs.flatMap((spec, index) => differences(dataset, spec, existing[index]));
  if (problems.length > 0) throw new Misconfigured(problems);
  for (const [index, spec] of specs.entries()) await ensureTable(requests, dataset, spec, existing[index]);
}

async function ensureDataset(requests: BigqueryRequests, dataset: string): Promise<void> {
  const { project: projectId, location } = requests;
  const path = `datasets/${dataset}`;
  const found = await requests.send<{ readonly location?: string }>({ method: "GET", path });
  if (found.kind === "done") {
    const actual = found.body.location ?? location;
    if (actual.toLowerCase() === location.toLowerCase()) return;
    throw new Misconfigured([
      `dataset ${dataset} lies in ${actual}; expected ${location}, the location of DARKROOM_WAREHOUSE`,
    ]);
  }
  // Whoever made it meanwhile made the same.
  await requests.send({
    method: "POST",
    path: "datasets",
    body: { datasetReference: { projectId, datasetId: dataset }, location, labels: application },
  });
}

async function findTable(
  requests: BigqueryRequests,
  dataset: string,
  table: string,
): Promise<TableMetadata | undefined> {
  const answer = await requests.send<TableMetadata>({
    method: "GET",
    path: `datasets/${dataset}/tables/${table}`,
  });
  return answer.kind === "done" ? answer.body : undefined;
}

async function ensureTable(
  requests: BigqueryRequests,
  dataset: string,
  spec: TableSpec,
  existing: TableMetadata | undefined,
): Promise<void> {
  const answer =
    existing === undefined
      ? await createTable(requests, dataset, spec)
      : await widenTable(requests, dataset, spec, existing);
  if (answer === "done") return;
  // Another process was faster; what it left has to be looked at.
  await ensureTables(requests, dataset, [spec]);
}

async function createTable(requests: BigqueryRequests, dataset: string, spec: TableSpec) {
  const { kind } = await requests.send({
    method: "POST",
    path: `datasets/${dataset}/tables`,
    body: {
      tableReference: { projectId: requests.project, datasetId: dataset, tableId: spec.name },
      description: spec.description,
      labels: application,
      schema: { fields: tableFields(spec) },
      timePartitioning: { type: "DAY", field: spec.partitionBy },
      clustering: { fields: [...spec.clusterBy] },
    },
  });
  return kind;
}

async function widenTable(
  requests: BigqueryRequests,
  dataset: string,
  spec: TableSpec,
  existing: TableMetadata,
) {
  const before = fieldsOf(existing);
  const fields = widened(before, tableFields(spec));
  if (JSON.stringify(fields) === JSON.stringify(before)) return "done";
  const { kind } = await requests.send({
    method: "PATCH",
    path: `datasets/${dataset}/tables/${spec.name}`,
    body: { schema: { fields } },
    ...(existing.etag === undefined ? {} : { ifMatch: existing.etag }),
  });
  return kind;
}

function fieldsOf({ schema }: TableMetadata): Fields {
  return typeof schema === "object" && "fields" in schema ? (schema.fields ?? []) : [];
}

/** The fields as they are, with those behind them that are new, and with a default value where one is missing. */
function widened(before: Fields, wanted: Fields): Fields {
  const byName = new Map(wanted.map((field) => [field.name, field]));
  const kept = before.map((field) => {
    const { fields, defaultValueExpression } = byName.get(field.name) ?? {};
    return {
      ...field,
      ...(field.fields && fields ? { fields: [...widened(field.fields, fields)] } : {}),
      ...(defaultValueExpression && !field.defaultValueExpression ? { defaultValueExpression } : {}),
    };
  });
  const names = new Set(before.map(({ name }) => name));
  return [...kept, ...wanted.filter(({ name }) => !names.has(name))];
}

/** A line for each difference that new columns do not explain. */
function differences(dataset: string, spec: TableSpec, existing: TableMetadata | undefined): string[] {
  if (existing === undefined) return [];
  const table = `table ${dataset}.${spec.name}`;
  const { timePartitioning, clustering } = existing;
  const layout = [
    ["partitioned by", partitioningText(timePartitioning), `DAY(${spec.partitionBy})`],
    ["clustered by", (clustering?.fields ?? []).join(", ") || "nothing", spec.clusterBy.join(", ")],
  ];
  return [
    ...fieldDifferences(`${table}, column `, fieldsOf(existing).map(fieldOf), tableFields(spec).map(fieldOf)),
    ...layout.flatMap(([what, is, should]) =>
      is === should ? [] : [`${table}: it is ${what} ${is} and should be by ${should}`],
    ),
  ];
}

function partitioningText(partitioning: TableMetadata["timePartitioning"]): string {
  return partitioning ? `${partitioning.type}(${partitioning.field ?? "time of loading"})` : "nothing";
}

function fieldDifferences(place: string, existing: readonly Field[], wanted: readonly Field[]): string[] {
  const byName = new Map(existing.map((field) => [field.name, field]));
  const changed = wanted.flatMap((field) => {
    const found = byName.get(field.name);
    const should = `${field.type} ${field.mode}`;
    if (found === undefined) {
      const isNew = `${place}${field.name}: it is new and REQUIRED; a new column must be NULLABLE or REPEATED`;
      return field.mode === "REQUIRED" ? [isNew] : [];
    }
    const is = `${found.type} ${found.mode}`;
    if (is !== should) return [`${place}${field.name}: it is ${is} and should be ${should}`];
    return fieldDifferences(`${place}${field.name}.`, found.fields ?? [], field.fields ?? []);
  });
  const names = new Set(wanted.map(({ name }) => name));
  const unknown = existing.filter(({ name }) => !names.has(name));
  return [
    ...changed,
    ...unknown.map(
      ({ name }) => `${place}${name}: the table has it and its definition does not; columns stay`,
    ),
  ];
}

/** The date in the table's label; undefined where there is no table either. */
export async function readLoadedThrough(
  requests: BigqueryRequests,
  dataset: string,
  table: string,
): Promise<string | undefined> {
  return (await findTable(requests, dataset, table))?.labels?.[loadedThroughLabel];
}

/** Sets the label, beside labels that others set at the same time. */
export async function writeLoadedThrough(
  requests: BigqueryRequests,
  dataset: string,
  table: string,
  date: string,
): Promise<void> {
  const path = `datasets/${dataset}/tables/${table}`;
  for (let attempt = 0; attempt < changeTries; attempt++) {
    const { labels, etag } = await requests.ask<TableMetadata>({ method: "GET", path });
    const body = { labels: { ...labels, [loadedThroughLabel]: date } };
    const ifMatch = etag === undefined ? {} : { ifMatch: etag };
    const { kind } = await requests.send({ method: "PATCH", path, body, ...ifMatch });
    if (kind === "done") return;
  }
  throw new Unavailable(`The labels of ${dataset}.${table} are being changed by others all the time`);
}

/** Every table and view with its columns, from the catalog, which bills nothing (INFORMATION_SCHEMA bills 10 MB a look). */
export async function readRelations(requests: BigqueryRequests): Promise<readonly Relation[]> {
  const names: { readonly dataset: string; readonly table: string }[] = [];
  for await (const { datasets = [] } of requests.pages<DatasetPage>("datasets", { maxResults: 1000 })) {
    for (const { datasetReference } of datasets) {
      names.push(...(await tableNames(requests, datasetReference.datasetId)));
    }
  }
  const relations: Relation[] = [];
  for (let start = 0; start < names.length; start += tablesAtOnce) {
    const some = names.slice(start, start + tablesAtOnce);
    const found = await Promise.all(some.map(({ dataset, table }) => findTable(requests, dataset, table)));
    // What was dropped meanwhile is not there.
    for (const [index, { dataset, table }] of some.entries()) {
      const metadata = found[index];
      if (metadata !== undefined) relations.push(relationOf(requests.project, dataset, table, metadata));
    }
  }
  return relations;
}

interface DatasetPage {
  readonly datasets?: readonly { readonly datasetReference: { readonly datasetId: string } }[];
}
interface TablePage {
  readonly tables?: readonly { readonly tableReference: { readonly tableId: string } }[];
}

async function tableNames(requests: BigqueryRequests, dataset: string) {
  const names: { readonly dataset: string; readonly table: string }[] = [];
  const pages = requests.pages<TablePage>(`datasets/${dataset}/tables`, { maxResults: 1000 });
  for await (const { tables = [] } of pages) {
    names.push(...tables.map(({ tableReference }) => ({ dataset, table: tableReference.tableId })));
  }
  return names;
}

function relationOf(project: string, dataset: string, name: string, metadata: TableMetadata): Relation {
  return {
    target: { project, dataset, name },
    kind: metadata.type?.endsWith("VIEW") ? "view" : "table",
    columns: fieldsOf(metadata).map((field) => field.name ?? ""),
  };
}
