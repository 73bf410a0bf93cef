/** Fetches an image over HTTPS from a stranger's address: checked, bounded in bytes and time, redirects followed by hand. */

import { lookup } from "node:dns/promises";
import type { IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { Misconfigured, messageOf, Refused, Unavailable } from "../../core/errors.ts";
import { isForbiddenAddress } from "./addresses.ts";
import { notAllowed } from "./claim.ts";

export interface HttpsOptions {
  /** Every address of a host name. @default the system's resolver */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** @default what is not public, see addresses.ts; only tests have another */
  readonly isForbiddenAddress?: (address: string) => boolean;
  /** Certificates to trust instead of the public ones, in PEM. */
  readonly ca?: string;
  /** From the look-up of the name to the end of the TLS handshake. @default 10000 */
  readonly connectMs?: number;
  /** For all of it, redirects and body. @default 60000 */
  readonly totalMs?: number;
}

export interface HttpsImage {
  readonly url: URL;
  /** @throws Refused for a place that may not be fetched from; asked for every redirect */
  readonly checkUrl: (url: URL) => void;
  /** A longer body is not read on. */
  readonly maxBytes: number;
  /** What a longer body is. */
  readonly tooLarge: () => Refused;
}

const mostRedirects = 3;
const redirects = new Set([301, 302, 303, 307, 308]);
/** Answers that may be another one later. */
const passing = new Set([408, 425, 429]);

/** The body. @throws Refused (`claim_not_allowed`, `claim_not_found`, and what `tooLarge` makes), Unavailable */
export async function fetchImage(image: HttpsImage, options: HttpsOptions): Promise<Buffer> {
  const { totalMs = 60_000 } = options;
  const overall = new AbortController();
  const timer = setTimeout(() => overall.abort(), totalMs);
  try {
    return await follow(image, options, overall.signal);
  } catch (error) {
    if (error instanceof Refused || error instanceof Misconfigured || error instanceof Unavailable)
      throw error;
    const why = overall.signal.aborted ? `no whole answer within ${totalMs} ms` : messageOf(error);
    throw new Unavailable(`${image.url.host} cannot be fetched from: ${why}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function follow(image: HttpsImage, options: HttpsOptions, signal: AbortSignal): Promise<Buffer> {
  let { url } = image;
  for (let hops = 0; hops <= mostRedirects; hops += 1) {
    const response = await ask(url, options, signal);
    try {
      const { statusCode = 0, headers } = response;
      if (statusCode === 200) return await bodyOf(response, image);
      if (!redirects.has(statusCode)) throw noImage(url, statusCode);
      if (headers.location === undefined || !URL.canParse(headers.location, url.href))
        throw noImage(url, statusCode);
      url = new URL(headers.location, url);
      image.checkUrl(url);
    } finally {
      response.destroy();
    }
  }
  throw notFound(`the source redirects more than ${mostRedirects} times`);
}

/** Asks one host, at an address that was checked; resolves with the head of the answer. */
async function ask(url: URL, options: HttpsOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const { connectMs = 10_000, ca } = options;
  const connecting = new AbortController();
  const stop = (): void => connecting.abort();
  const timer = setTimeout(stop, connectMs);
  signal.addEventListener("abort", stop, { once: true });
  try {
    const addresses = await within(connecting.signal, checkedAddresses(url, options));
    return await send(url, {
      // Nothing is looked up a second time: another answer could lead elsewhere.
      lookup: answering(addresses),
      agent: false,
      signal,
      headers: { accept: "image/*", "accept-encoding": "identity", "user-agent": "darkroom" },
      ...(ca === undefined ? {} : { ca }),
      onConnected: () => clearTimeout(timer),
      connecting: connecting.signal,
    });
  } catch (error) {
    if (!connecting.signal.aborted || signal.aborted) throw error;
    throw new Unavailable(`${url.host} cannot be connected to within ${connectMs} ms`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

interface Sending extends RequestOptions {
  readonly onConnected: () => void;
  readonly connecting: AbortSignal;
}

function send(url: URL, { onConnected, connecting, ...options }: Sending): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, options, resolve);
    const giveUp = (): void => void sent.destroy();
    connecting.addEventListener("abort", giveUp, { once: true });
    sent.once("socket", (socket) =>
      socket.once("secureConnect", () => {
        connecting.removeEventListener("abort", giveUp);
        onConnected();
      }),
    );
    sent.on("error", reject);
    sent.end();
  });
}

/** Every address of the host, none of them forbidden: a name that also answers with a private one is no public name. */
async function checkedAddresses(
  { hostname }: URL,
  { resolve = systemAddresses, isForbiddenAddress: isForbidden = isForbiddenAddress }: HttpsOptions,
): Promise<readonly string[]> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const addresses = isIP(host) ? [host] : await resolve(host);
  if (addresses.length === 0) throw new Unavailable(`${host} has no address`);
  if (addresses.some(isForbidden)) throw notAllowed("the claim's host has an address that is not public");
  return addresses;
}

async function systemAddresses(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function answering(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, { all }, callback) => {
    if (all) callback(null, found);
    else callback(null, found[0]?.address ?? "", found[0]?.family);
  };
}

async function bodyOf(response: IncomingMessage, { maxBytes, tooLarge }: HttpsImage): Promise<Buffer> {
  const { "content-encoding": encoding = "identity", "content-length": length = "0" } = response.headers;
  if (encoding !== "identity") throw notFound("the source sends the image encoded, though asked not to");
  if (Number(length) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function noImage({ host }: URL, status: number): Refused | Unavailable {
  if (status >= 500 || passing.has(status)) return new Unavailable(`${host} answers ${status}`);
  return notFound(`the source answers ${status}`);
}

function notFound(message: string): Refused {
  return new Refused("claim_not_found", message, "an address that answers 200 with the image");
}

function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Unavailable("it took too long")), { once: true });
    work.then(resolve, reject);
  });
}
