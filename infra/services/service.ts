/** What a server is to the command and to tests: how it is installed, how it is started, and what is known of it while it runs. */

import { z } from "zod";
import type { Ports } from "./ports.ts";

/** Those that take longest to install first, so that two at a time end early. */
export const serviceNames = ["gcs", "bigquery", "pubsub", "kafka"] as const;
export type ServiceName = (typeof serviceNames)[number];

/** One file a server implements this. */
export interface ServiceKind {
  readonly name: ServiceName;
  /** For people: what it is, with its version. */
  readonly title: string;
  readonly installation: Installation;
  /** Starts its processes. Throws `Misconfigured` for a busy port or a missing program. */
  launch(place: Place): Promise<RunningService>;
  /** True when it serves, and is who it should be; false or any error while it does not. */
  answers(service: RunningService): Promise<boolean>;
}

export interface Installation {
  /** Everything that decides what is installed; another value is another installation. */
  readonly pins: readonly string[];
  readonly tools: readonly Tool[];
  /** How long the first time takes, for people. */
  readonly takes: string;
  /** Installs into an empty folder, which is renamed afterwards: nothing in it may know its path. */
  readonly install: (folder: string, run: Run) => Promise<void>;
}

/** A program that must be there before a server can be installed or run. */
export interface Tool {
  /** The command that proves it, for example `["java", "-version"]`. */
  readonly proof: readonly [command: string, ...args: readonly string[]];
  /** What to install, for people. */
  readonly remedy: string;
}

/** Runs a program to its end, its output in the installation's log. Throws `Unavailable` with the log's end when it fails. */
export type Run = (
  command: string,
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
) => Promise<void>;

/** Where a server finds its programs and keeps its things. */
export interface Place {
  /** What `install` made. */
  readonly programs: string;
  /** The server's own data; there when the server ran before. */
  readonly data: string;
  /** Buckets as folders, objects as files: written by the Cloud Storage server, read by the BigQuery server's loads. */
  readonly buckets: string;
  readonly logs: string;
  readonly ports: Ports;
}

const processSchema = z.object({
  name: z.string(),
  pid: z.int().positive(),
  identity: z.string(),
  log: z.string(),
});

/** A started server, as the state file keeps it. */
export const runningServiceSchema = z.object({
  name: z.enum(serviceNames),
  /** Where clients connect: `HOST:PORT`, or `http://HOST:PORT` for HTTP. */
  endpoint: z.string(),
  /** BigQuery's Storage Write API, a gRPC address. */
  writeEndpoint: z.string().optional(),
  /** Kafka's cluster id. */
  clusterId: z.string().optional(),
  data: z.string(),
  processes: z.array(processSchema).min(1),
});

export type RunningService = z.output<typeof runningServiceSchema>;
