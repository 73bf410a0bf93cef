/** The stream door as of `darkroom up --only stream`, on a folder lake; its claims lie on the trial server of Cloud Storage. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openPlatform } from "../../cli/wiring.ts";
import { gcsReader } from "../../lake/gcs.ts";
import { consumeStream } from "../../loaders/stream/door.ts";
import { claimReader } from "../../loaders/stream/fetch-claim.ts";

const [source = "", endpoint = ""] = process.argv.slice(2);
const platform = await openPlatform({ logLevel: "warn" });
const stop = new AbortController();
const { maxImageBytes } = platform.intake;
const door = consumeStream(
  {
    ...platform.intake,
    stream: await platform.stream(),
    log: platform.log,
    roomFor: async () => {},
    fetchClaim: claimReader({ sources: [source], maxImageBytes, readBucket: gcsReader({ endpoint }) }),
  },
  stop.signal,
);

const server = createServer((_request, response) => {
  void platform.metrics.registry.metrics().then((text) => response.end(text));
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.once("SIGTERM", () => {
  stop.abort();
  void door.then(() => platform.close()).then(() => process.exit());
});
