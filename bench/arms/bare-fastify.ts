/** The least that an upload server has to do: read the body, write it with one sync under a fresh name, answer 201. */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import fastify from "fastify";
import { makeShards, shardOf, writeSynced } from "../synced-files.ts";

const root = String(process.argv[2]);
const largestBody = 50 * 1024 * 1024;

await makeShards(root);
const app = fastify({ bodyLimit: largestBody });
app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
app.post("/v1/images", async (request, reply) => {
  const name = randomUUID();
  await writeSynced(join(root, shardOf(name), name), request.body as Buffer);
  return reply.status(201).send({ name });
});
console.log(JSON.stringify({ url: await app.listen({ host: "127.0.0.1", port: 0 }) }));
process.once("SIGTERM", () => void app.close());
