/**
 * Rows into a raw table through the Storage Write API, so that they can be read within seconds.
 *
 * What is appended at once is one request, which BigQuery writes wholly or not at all (AppendRowsResponse.row_errors: "If a
 * request failed due to corrupted rows, no rows in the batch will be appended"); so one append is a load's unit, as a job is.
 * It goes to a committed stream at an explicit offset: sent again because the answer was lost, it finds its rows there
 * (ALREADY_EXISTS) and writes nothing. A stream belongs to the process that made it. When an append's fate stays unknown, the
 * stream is finalized before anything else is written, after which nothing can arrive late, and `_segment` in the table
 * tells whether it was written; a process that dies leaves the same to its successor. Pending streams would not do: where the
 * answer to their commit is lost, a second one meets neither itself nor its rows.
 */

import { adapt, managedwriter } from "@google-cloud/bigquery-storage";
import { credentials } from "@grpc/grpc-js";
import { PassThroughClient } from "google-auth-library";
import type { Clock } from "../core/clock.ts";
import { Misconfigured, messageOf, Refused, Unavailable } from "../core/errors.ts";
import { retry } from "../core/retry.ts";
import type { StreamRow } from "./bigquery-rows.ts";
import { tableFields } from "./bigquery-tables.ts";
import type { TableSpec } from "./warehouse.ts";

export interface StreamAppender {
  /** Ends streams whose last append has an unknown fate; to be done before the table is read. */
  settle(dataset: string, table: string): Promise<void>;
  /** Appends the rows, all or none. Throws `Refused` when one does not fit, `Unavailable` when the outcome is not known. */
  append(dataset: string, spec: TableSpec, rows: readonly StreamRow[]): Promise<void>;
  close(): void;
}

/** gRPC's status codes (grpc.github.io/grpc/core/md_doc_statuscodes.html). */
const status = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  aborted: 10,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** After these the same append may be tried at the same offset; after any other the stream is not trusted any more. */
const passing: ReadonlySet<unknown> = new Set([
  status.cancelled,
  status.deadlineExceeded,
  status.resourceExhausted,
  status.aborted,
  status.internal,
  status.unavailable,
]);

const answerWithinMs = 60_000;
/** The client would try for many minutes by itself; here tries are counted as everywhere. */
const callOptions = { timeout: answerWithinMs, retry: null };
const tries = { attempts: 4, firstWaitMs: 200 };

interface Stream {
  readonly name: string;
  readonly writer: managedwriter.JSONWriter;
  /** The definition that its rows are written by. */
  readonly fields: string;
  /** Rows that it holds. */
  offset: number;
}

/** Appends to tables of a project; `endpoint` (`HOST:PORT`) is another server than Google's, asked in the clear and without credentials. */
export function streamAppender(options: {
  readonly project: string;
  readonly clock: Clock;
  readonly endpoint?: string | undefined;
}): StreamAppender {
  const { project, clock } = options;
  const client = new managedwriter.WriterClient({
    projectId: project,
    ...(options.endpoint === undefined ? {} : insecure(options.endpoint)),
  });
  const streams = new Map<string, Stream>();
  /** Names of streams whose end is not known, by table. */
  const doubtful = new Map<string, string>();

  async function open(table: string, spec: TableSpec): Promise<Stream> {
    const fields = JSON.stringify(tableFields(spec));
    const current = streams.get(table);
    if (current?.fields === fields) return current;
    current?.writer.close();
    const schema = adapt.convertBigQuerySchemaToStorageTableSchema({ fields: [...tableFields(spec)] });
    const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(schema, "root");
    const { name } = await answered(table, () =>
      client.createWriteStreamFullResponse(
        { streamType: managedwriter.CommittedStream, destinationTable: table },
        callOptions,
      ),
    );
    const connection = await client.createStreamConnection({ streamId: String(name) });
    // Every append hears of its own failure; without a listener the connection would end the process.
    connection.onConnectionError(() => undefined);
    const writer = new managedwriter.JSONWriter({ connection, protoDescriptor });
    const stream = { name: String(name), writer, fields, offset: 0 };
    streams.set(table, stream);
    return stream;
  }

  function abandon(table: string): void {
    const stream = streams.get(table);
    if (stream === undefined) return;
    stream.writer.close();
    streams.delete(table);
    doubtful.set(table, stream.name);
  }

  return {
    async settle(dataset, tableName) {
      const table = pathOf(project, dataset, tableName);
      const name = doubtful.get(table);
      if (name === undefined) return;
      // A stream that is gone takes nothing any more either.
      const gone = (error: unknown) => {
        if (codeOf(error) !== status.notFound) throw error;
      };
      await answered(table, () => client.getClient().finalizeWriteStream({ name }, callOptions).catch(gone));
      doubtful.delete(table);
    },

    async append(dataset, spec, rows) {
      const table = pathOf(project, dataset, spec.name);
      const stream = await open(table, spec);
      const failure = await appended(stream, rows, table, clock);
      if (failure === undefined) {
        stream.offset += rows.length;
        return;
      }
      if (!(failure instanceof Refused)) abandon(table);
      throw failure;
    },

    close: () => client.close(),
  };
}

/** Appends at the stream's offset, again where that may help; what is left to say is returned. */
async function appended(
  stream: Stream,
  rows: readonly StreamRow[],
  table: string,
  clock: Clock,
): Promise<Error | undefined> {
  try {
    return await retry(async () => {
      const failure = await appendOnce(stream, rows, clock);
      if (failure !== undefined && passing.has(codeOf(failure))) throw failureOf(failure, table);
      return failure === undefined ? undefined : failureOf(failure, table);
    }, tries);
  } catch (error) {
    return failureOf(error, table);
  }
}

/** One try; at the same offset as an earlier one it meets what that one wrote. Returns what went wrong. */
async function appendOnce(
  { writer, offset }: Stream,
  rows: readonly StreamRow[],
  clock: Clock,
): Promise<unknown> {
  try {
    const answer = await within(writer.appendRows([...rows], offset).getResult(), clock);
    const [unfit] = answer.rowErrors ?? [];
    if (unfit !== undefined) return refused(`row ${unfit.index}: ${unfit.message}`);
    const isWritten = !answer.error?.code || answer.error.code === status.alreadyExists;
    return isWritten ? undefined : answer.error;
  } catch (error) {
    return error;
  }
}

/** A call that may be made again. */
async function answered<T>(table: string, call: () => Promise<T>): Promise<T> {
  return await retry(async () => {
    try {
      return await call();
    } catch (error) {
      throw failureOf(error, table);
    }
  }, tries);
}

async function within<T>(answer: Promise<T>, clock: Clock): Promise<T> {
  const answeredInTime = new AbortController();
  const late = clock.sleep(answerWithinMs, answeredInTime.signal).then(() => {
    const code = status.deadlineExceeded;
    throw Object.assign(new Unavailable(`BigQuery's stream gave no answer within ${answerWithinMs} ms`), {
      code,
    });
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    answeredInTime.abort();
  }
}

function failureOf(error: unknown, table: string): Error {
  if (error instanceof Unavailable || error instanceof Refused) return error;
  const text = `${table}: ${messageOf(error)}`;
  switch (codeOf(error)) {
    case status.invalidArgument:
      // A column that is new takes minutes to be known to streams; the rows themselves are right.
      return /schema/i.test(text) ? new Unavailable(`BigQuery, ${text}`) : refused(text);
    case status.permissionDenied:
    case status.unauthenticated:
      return new Misconfigured([`BigQuery, ${text}; expected a table that this account may write`]);
    default:
      return new Unavailable(`BigQuery, ${text}`, { cause: error });
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

function refused(problem: string): Refused {
  return new Refused("rows_unfit", problem, "rows that fit the table");
}

function pathOf(project: string, dataset: string, table: string): string {
  return `projects/${project}/datasets/${dataset}/tables/${table}`;
}

type WriterOptions = NonNullable<ConstructorParameters<typeof managedwriter.WriterClient>[0]>;

function insecure(endpoint: string): WriterOptions {
  const colon = endpoint.lastIndexOf(":");
  // The client has an AuthClient of its own version, which does the same: nothing, where others would look for credentials.
  const authClient = new PassThroughClient() as unknown as NonNullable<WriterOptions["authClient"]>;
  return {
    authClient,
    apiEndpoint: endpoint.slice(0, colon),
    port: Number(endpoint.slice(colon + 1)),
    sslCreds: credentials.createInsecure(),
  };
}
