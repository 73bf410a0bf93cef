/**
 * One bucket of Cloud Storage in memory, for what the trial server does not keep: preconditions on every method, holds,
 * retention, checksums, interrupted sessions. Answers are those that the service documents or was seen to give.
 */

import { CRC32C } from "@google-cloud/storage";

export interface BucketOptions {
  readonly name: string;
  /** New objects are held unless they say otherwise. */
  readonly defaultEventBasedHold: boolean;
  /** Counted from the creation, or from the release of the hold. */
  readonly retentionMs: number;
  readonly now: () => Date;
  /** Keys in a page of a listing. */
  readonly pageSize: number;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface Answered {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

interface Stored {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly bytes: Buffer;
  readonly crc32c: string;
  readonly generation: number;
  readonly createdAt: Date;
  keptFrom: Date;
  metageneration: number;
  isHeld: boolean;
}

interface Session {
  readonly name: string;
  readonly resource: Readonly<Record<string, unknown>>;
  received: Buffer;
  state: "open" | "cancelled" | Stored;
}

/** What came in a multipart upload (RFC 2387): the object's resource and its bytes. */
export function multipartOf({ headers, body }: Asked): { resource: Record<string, unknown>; bytes: Buffer } {
  const boundary = /boundary=(\S+)/.exec(String(headers["content-type"]))?.[1];
  const text = body.toString("latin1");
  const parts = text.split(`--${boundary}`).map((part) => part.slice(part.indexOf("\r\n\r\n") + 4, -2));
  return {
    resource: JSON.parse(Buffer.from(String(parts[1]), "latin1").toString("utf8")),
    bytes: Buffer.from(String(parts[2]), "latin1"),
  };
}

export function crc32cOf(bytes: Buffer): string {
  const checksum = new CRC32C();
  checksum.update(bytes);
  return checksum.toString();
}

/** An answer with an error, in the service's form. */
export function problem(status: number, reason: string, message: string): Answered {
  return json(status, { error: { code: status, message, errors: [{ domain: "global", reason, message }] } });
}

function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answered {
  const type = { "content-type": "application/json; charset=UTF-8" };
  return { status, headers: { ...type, ...headers }, body: Buffer.from(JSON.stringify(value)) };
}

export function memoryBucket(options: BucketOptions) {
  const objects = new Map<string, Stored>();
  const sessions = new Map<string, Session>();
  let generations = 1000;
  const objectsAt = `/storage/v1/b/${options.name}/o`;

  const unmet = () =>
    problem(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.");
  const missing = (name: string) => problem(404, "notFound", `No such object: ${options.name}/${name}`);

  function resourceOf(name: string, stored: Stored) {
    return {
      kind: "storage#object",
      name,
      size: String(stored.bytes.length),
      timeCreated: stored.createdAt.toISOString(),
      generation: String(stored.generation),
      metageneration: String(stored.metageneration),
      crc32c: stored.crc32c,
      ...(stored.resource.metadata === undefined ? {} : { metadata: stored.resource.metadata }),
      ...(stored.isHeld ? { eventBasedHold: true } : {}),
    };
  }

  function put(name: string, resource: Readonly<Record<string, unknown>>, bytes: Buffer): Stored {
    generations += 1;
    const now = options.now();
    const isHeld = Boolean(resource.eventBasedHold ?? options.defaultEventBasedHold);
    const stored = { resource, bytes, crc32c: crc32cOf(bytes), generation: generations };
    const added = { ...stored, createdAt: now, keptFrom: now, metageneration: 1, isHeld };
    objects.set(name, added);
    return added;
  }

  function damage(bytes: Buffer, claimed: unknown): Answered | undefined {
    const found = crc32cOf(bytes);
    if (claimed === undefined || claimed === found) return undefined;
    return problem(
      400,
      "invalid",
      `Provided CRC32C "${claimed}" doesn't match calculated CRC32C "${found}".`,
    );
  }

  function create(asked: Asked): Answered {
    const name = String(asked.query.get("name"));
    if (asked.query.get("ifGenerationMatch") === "0" && objects.has(name)) return unmet();
    if (asked.query.get("uploadType") === "resumable") {
      const id = String(sessions.size + 1);
      const resource = JSON.parse(asked.body.toString());
      sessions.set(id, { name, resource, received: Buffer.alloc(0), state: "open" });
      return { status: 200, headers: { location: `http://${asked.headers.host}/session/${id}` } };
    }
    const { resource, bytes } = multipartOf(asked);
    return damage(bytes, resource.crc32c) ?? json(200, resourceOf(name, put(name, resource, bytes)));
  }

  function continueSession(asked: Asked): Answered {
    const session = sessions.get(asked.path.slice("/session/".length));
    if (session === undefined) return problem(404, "notFound", "No such upload session");
    if (session.state === "cancelled") return problem(499, "", "Client Closed Request");
    if (session.state !== "open") return json(200, resourceOf(session.name, session.state));
    if (asked.method === "DELETE") {
      session.state = "cancelled";
      return { status: 499 };
    }
    const [, start, total] =
      /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(String(asked.headers["content-range"])) ?? [];
    if (start !== undefined) {
      session.received = Buffer.concat([session.received.subarray(0, Number(start)), asked.body]);
    }
    if (Number(total) !== session.received.length) {
      const last = session.received.length - 1;
      return { status: 308, headers: last < 0 ? {} : { range: `bytes=0-${last}` } };
    }
    if (objects.has(session.name)) return unmet();
    const claimed = asked.headers["x-goog-hash"]?.replace("crc32c=", "");
    const refused = damage(session.received, claimed);
    if (refused !== undefined) return refused;
    session.state = put(session.name, session.resource, session.received);
    return json(200, resourceOf(session.name, session.state));
  }

  function media(stored: Stored, { query, headers }: Asked): Answered {
    if (query.get("generation") !== String(stored.generation))
      return { status: 404, body: Buffer.from("Not Found") };
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    if (start === undefined) return { status: 200, body: stored.bytes };
    return { status: 206, body: stored.bytes.subarray(Number(start), Number(end) + 1) };
  }

  function kept(name: string, stored: Stored): Answered | undefined {
    const until = new Date(stored.keptFrom.getTime() + options.retentionMs);
    if (stored.isHeld) {
      const words = "cannot be deleted, overwritten or archived until hold is removed.";
      return problem(403, "forbidden", `Object '${name}' is under active Event-Based hold and ${words}`);
    }
    if (options.now() >= until) return undefined;
    const words = "retention policy or object retention and cannot be deleted or overwritten until";
    return problem(
      403,
      "retentionPolicyNotMet",
      `Object '${name}' is subject to bucket's ${words} ${until.toISOString()}`,
    );
  }

  function onObject(name: string, asked: Asked): Answered {
    const { method, query, body } = asked;
    const stored = objects.get(name);
    if (stored === undefined) return missing(name);
    if (method === "GET" && query.get("alt") === "media") return media(stored, asked);
    if (method === "GET") return json(200, resourceOf(name, stored));
    const conditions = [
      [query.get("ifGenerationMatch"), stored.generation],
      [query.get("ifMetagenerationMatch"), stored.metageneration],
    ];
    if (conditions.some(([wanted, found]) => wanted !== null && wanted !== String(found))) return unmet();
    if (method === "PATCH") {
      const { eventBasedHold } = JSON.parse(body.toString());
      if (stored.isHeld && eventBasedHold === false) stored.keptFrom = options.now();
      stored.isHeld = eventBasedHold;
      stored.metageneration += 1;
      return json(200, resourceOf(name, stored));
    }
    const refused = kept(name, stored);
    if (refused === undefined) objects.delete(name);
    return refused ?? { status: 204 };
  }

  function page({ query }: Asked): Answered {
    const from = query.get("pageToken") ?? query.get("startOffset") ?? "";
    const names = [...objects.keys()]
      .sort()
      .filter((name) => name.startsWith(String(query.get("prefix"))) && name >= from);
    const size = Math.min(options.pageSize, Number(query.get("maxResults")));
    const next = names[size];
    return json(200, {
      items: names.slice(0, size).map((name) => ({ name })),
      ...(next === undefined ? {} : { nextPageToken: next }),
    });
  }

  return {
    /** Puts an object there as another program would, without a condition. */
    put: (name: string, bytes: string, resource: Readonly<Record<string, unknown>> = {}) =>
      put(name, resource, Buffer.from(bytes)),
    get: (name: string) => objects.get(name),
    openSessions: () => [...sessions.values()].filter(({ state }) => state === "open").length,
    answer(asked: Asked): Answered {
      if (asked.path.startsWith("/session/")) return continueSession(asked);
      if (asked.path === `/upload${objectsAt}`) return create(asked);
      if (asked.path === objectsAt) return page(asked);
      if (asked.path.startsWith(`${objectsAt}/`)) {
        return onObject(decodeURIComponent(asked.path.slice(objectsAt.length + 1)), asked);
      }
      return problem(404, "notFound", "The specified bucket does not exist.");
    },
  };
}
