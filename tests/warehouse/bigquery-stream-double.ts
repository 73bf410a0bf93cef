/** A Storage Write API that keeps committed streams as its documentation says, remembers what it was asked, and fails when told to. */

import { protos } from "@google-cloud/bigquery-storage";
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";

const api = protos.google.cloud.bigquery.storage.v1;
type AppendRequest = protos.google.cloud.bigquery.storage.v1.IAppendRowsRequest;
type AppendResponse = protos.google.cloud.bigquery.storage.v1.IAppendRowsResponse;

export interface Append {
  readonly stream: string;
  readonly offset: number;
  readonly rows: number;
}

/** How an append ends: written and answered; written and the answer lost; not written; not written because a row does not fit. */
export type Ending = "written" | "answer lost" | "broken" | "unknown" | "row refused";

export interface StreamDouble {
  /** `HOST:PORT` */
  readonly endpoint: string;
  readonly appends: readonly Append[];
  /** Rows that each stream holds. */
  readonly streams: ReadonlyMap<string, number>;
  readonly finalized: readonly string[];
  /** Ends of the next appends, in order; then all are written. */
  readonly endings: Ending[];
  /** Told of each append that was written. */
  onWritten: (append: Append) => void;
  close(): void;
}

interface Codec<T> {
  decode(bytes: Uint8Array): T;
  encode(message: T): { finish(): Uint8Array };
}

function method<Request, Response>(
  name: string,
  asked: Codec<Request>,
  answered: Codec<Response>,
  isStream = false,
) {
  return {
    path: `/google.cloud.bigquery.storage.v1.BigQueryWrite/${name}`,
    requestStream: isStream,
    responseStream: isStream,
    requestDeserialize: (bytes: Buffer) => asked.decode(bytes),
    requestSerialize: (message: Request) => Buffer.from(asked.encode(message).finish()),
    responseDeserialize: (bytes: Buffer) => answered.decode(bytes),
    responseSerialize: (message: Response) => Buffer.from(answered.encode(message).finish()),
  };
}

export async function streamDouble(): Promise<StreamDouble> {
  const streams = new Map<string, number>();
  const appends: Append[] = [];
  const finalized: string[] = [];
  const server = new Server();

  /** The answer, or undefined where none comes. */
  function append(request: AppendRequest, breakOff: (code: status) => void): AppendResponse | undefined {
    const stream = String(request.writeStream);
    const offset = Number(request.offset?.value);
    const one = { stream, offset, rows: request.protoRows?.rows?.serializedRows?.length ?? 0 };
    appends.push(one);
    const ending = double.endings.shift() ?? "written";
    if (ending === "broken" || ending === "unknown") {
      breakOff(ending === "broken" ? status.UNAVAILABLE : status.UNKNOWN);
      return undefined;
    }
    if (ending === "row refused") {
      const rowErrors = [{ index: 0, message: "Field visits: bad value" }];
      return { rowErrors, error: { code: status.INVALID_ARGUMENT, message: "bad rows" } };
    }
    const held = streams.get(stream) ?? 0;
    if (offset < held) return { error: { code: status.ALREADY_EXISTS, message: `${offset} is taken` } };
    streams.set(stream, held + one.rows);
    double.onWritten(one);
    if (ending === "written") return { appendResult: { offset: { value: offset } } };
    breakOff(status.UNAVAILABLE);
    return undefined;
  }

  server.addService(
    {
      CreateWriteStream: method("CreateWriteStream", api.CreateWriteStreamRequest, api.WriteStream),
      FinalizeWriteStream: method(
        "FinalizeWriteStream",
        api.FinalizeWriteStreamRequest,
        api.FinalizeWriteStreamResponse,
      ),
      AppendRows: method("AppendRows", api.AppendRowsRequest, api.AppendRowsResponse, true),
    },
    {
      CreateWriteStream: (call: { request: { parent: string } }, done: sendUnaryData<object>) => {
        const name = `${call.request.parent}/streams/s${streams.size + 1}`;
        streams.set(name, 0);
        done(null, { name });
      },
      FinalizeWriteStream: (call: { request: { name: string } }, done: sendUnaryData<object>) => {
        finalized.push(call.request.name);
        done(null, { rowCount: streams.get(call.request.name) ?? 0 });
      },
      AppendRows: (call: ServerDuplexStream<AppendRequest, AppendResponse>) => {
        call.on("data", (request: AppendRequest) => {
          const answer = append(request, (code) =>
            call.emit("error", { code, details: "broken on purpose" }),
          );
          if (answer !== undefined) call.write(answer);
        });
        call.on("end", () => call.end());
        call.on("error", () => undefined);
      },
    },
  );

  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  const double: StreamDouble = {
    endpoint: `127.0.0.1:${port}`,
    appends,
    streams,
    finalized,
    endings: [],
    onWritten: () => undefined,
    close: () => server.forceShutdown(),
  };
  return double;
}
