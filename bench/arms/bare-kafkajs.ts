/** The least that a stream door has to do: consume with kafkajs as it comes, write each value with one sync under a fresh name. */

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import kafkajs, { type KafkaMessage } from "kafkajs";
import { gcsReader } from "../../lake/gcs.ts";
import { placeOfClaim } from "../claims.ts";
import { makeShards, shardOf, writeSynced } from "../synced-files.ts";

/** As many writes at a time as the stream door has in flight. */
const inFlight = 16;
const largestImage = 50 * 1024 * 1024;
const [root = "", broker = "", topic = "", endpoint = ""] = process.argv.slice(2);

await makeShards(root);
const readBucket = gcsReader({ endpoint });
let done = 0;

/** The image itself, or what the claim names, fetched as the door does it. */
async function imageOf({ value, headers }: KafkaMessage): Promise<Uint8Array> {
  const claim = placeOfClaim(value, headers?.["content-type"]);
  if (claim === undefined) return value ?? new Uint8Array();
  return (await readBucket(claim.bucket, claim.key, largestImage)) ?? new Uint8Array();
}

async function store(message: KafkaMessage): Promise<void> {
  const name = randomUUID();
  await writeSynced(join(root, shardOf(name), name), await imageOf(message));
  done += 1;
}

const consumer = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.ERROR }).consumer({
  groupId: `bare-${topic}`,
});
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({
  async eachBatch({ batch, heartbeat }) {
    const queue = [...batch.messages];
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        for (let message = queue.shift(); message; message = queue.shift()) {
          await store(message);
          await heartbeat();
        }
      }),
    );
  },
});

// Counted in the form in which the real door is asked.
const server = createServer((_request, response) =>
  response.end(`darkroom_images_received_total{source="stream"} ${done}\n`),
);
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.once("SIGTERM", () => void consumer.disconnect().then(() => process.exit()));
