/** Sends pictures over keep-alive connections, each as soon as the one before it on that connection is answered. */

import { randomInt } from "node:crypto";
import { Agent, request } from "node:http";
import { noisePicture, numbered } from "../pictures.ts";
import { percentile } from "../statistics.ts";

/** What the arm is told as JSON. */
export interface Sending {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  /** Requests that are not measured. */
  readonly warmUp: number;
  readonly requests: number;
}

/** What it prints as JSON. */
export interface Sent {
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

const { url, headers, connections, warmUp, requests }: Sending = JSON.parse(String(process.argv[2]));
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const picture = await noisePicture();
const firstNumber = randomInt(2 ** 40);

/** Resolves when the whole answer is there. */
function send(body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const all = { ...headers, "content-type": "image/jpeg", "content-length": body.length };
    const sending = request(url, { method: "POST", agent, headers: all }, (answer) => {
      if (answer.statusCode !== 201) reject(new TypeError(`${url} answered ${answer.statusCode}`));
      answer.on("error", reject).on("end", resolve).resume();
    });
    sending.on("error", reject).end(body);
  });
}

const latenciesMs: number[] = [];
let next = 0;
let startedMs = 0;
await Promise.all(
  Array.from({ length: connections }, async () => {
    while (next < warmUp + requests) {
      const number = next++;
      if (number === warmUp) startedMs = performance.now();
      const sentMs = performance.now();
      await send(numbered(picture, firstNumber + number));
      if (number >= warmUp) latenciesMs.push(performance.now() - sentMs);
    }
  }),
);
const sent: Sent = {
  perSecond: (requests / (performance.now() - startedMs)) * 1000,
  medianMs: percentile(latenciesMs, 50),
  p99Ms: percentile(latenciesMs, 99),
};
console.log(JSON.stringify(sent));
agent.destroy();
