/** Small HTTP servers for tests of proxies: each test says what they answer; they end with the test file. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "@jest/globals";

const started: Server[] = [];

/** A server that answers as told; `http://127.0.0.1:PORT`. */
export async function httpServer(
  answer: (request: IncomingMessage, body: string, response: ServerResponse) => void | Promise<void>,
): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    await answer(request, Buffer.concat(chunks).toString("utf8"), response);
  });
  started.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterAll(() => {
  for (const server of started.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
