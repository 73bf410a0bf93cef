/** The guard of the BigQuery server as a process of its own; its options are its one argument, as JSON. */

import { startGuard } from "./guard.ts";

const guard = await startGuard(JSON.parse(String(process.argv[2])));
process.stdout.write(`listening on ${guard.endpoint}\n`);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => guard.close());
}
