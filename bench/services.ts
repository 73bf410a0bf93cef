/** The servers that parts of the bench need, where they run. */

import { randomBytes } from "node:crypto";
import { namesWith, provision } from "../infra/services/provision.ts";
import { findServices } from "../infra/services/services.ts";

export interface BenchServices {
  /** HOST:PORT of Kafka. */
  readonly broker: string;
  /** Address of Cloud Storage. */
  readonly storage: string;
  /** An empty bucket there. */
  readonly bucket: string;
}

/** Kafka and Cloud Storage with a bucket of our own; undefined when one of the two does not run. */
export async function benchServices(): Promise<BenchServices | undefined> {
  const services = findServices();
  const areUp = (["kafka", "gcs"] as const).every(
    (name) => services?.has(name) && services.of(name).condition() === "running",
  );
  if (services === undefined || !areUp) return undefined;
  const storage = services.of("gcs");
  const names = namesWith(`bench-${randomBytes(4).toString("hex")}`);
  await provision({ has: (name) => name === "gcs", of: () => storage }, names);
  return { broker: services.of("kafka").endpoint, storage: storage.endpoint, bucket: names.images };
}
