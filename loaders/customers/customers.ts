/**
 * The customers: who may send images, and by which key. They live in the event lake as numbered full snapshots, so that the
 * newest one is the registry and each one is loaded into the raw table `customer`.
 */

import { z } from "zod";
import { type Clock, systemClock } from "../../core/clock.ts";
import { Refused, Unavailable } from "../../core/errors.ts";
import { randomToken, sha256 } from "../../core/ids.ts";
import type { Row } from "../../core/rows.ts";
import { type Lake, readWhole } from "../../lake/lake.ts";
import { createSegmentAs } from "../../lake/segments.ts";

export const customerSchema = z.strictObject({
  customer_id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "1 to 64 of A-Z a-z 0-9 . _ -"),
  name: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => text.isWellFormed(), "well-formed text"),
  plan: z.string().max(64).nullable().default(null),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, "two capital letters (ISO 3166-1), for example SG")
    .nullable()
    .default(null),
  is_active: z.boolean().default(true),
});

export type Customer = z.output<typeof customerSchema>;

export interface Customers {
  /** The customer, or undefined; a change made by another process is seen within a few seconds. */
  find(customerId: string): Promise<Customer | undefined>;
  /** All customers, by id. */
  list(): Promise<readonly Customer[]>;
  /** Adds and changes customers, as one new snapshot; customers that are not named stay as they are. */
  upsert(customers: readonly Customer[]): Promise<void>;
  /** A new key for a customer. It is not kept, only its hash. Throws `Refused` for an unknown customer. */
  issueKey(customerId: string): Promise<string>;
  /** Whose key it is, or undefined. */
  customerOfKey(apiKey: string): Promise<Customer | undefined>;
  /** Makes sure that every snapshot is a segment; returns how many were missing. */
  publishAll(): Promise<number>;
}

interface Snapshot {
  readonly number: number;
  readonly takenAt: Date;
  readonly customers: readonly Customer[];
}

const snapshotsPrefix = "customers/snapshots/";
const freshForMs = 3000;

/** The customers in `lake` (the event lake). */
export function lakeCustomers({ lake, clock = systemClock }: { lake: Lake; clock?: Clock }): Customers {
  let cached: { readonly at: number; readonly byId: ReadonlyMap<string, Customer> } | undefined;
  let reading: Promise<ReadonlyMap<string, Customer>> | undefined;
  const keyOwners = new Map<string, string>();

  async function byId(): Promise<ReadonlyMap<string, Customer>> {
    if (cached !== undefined && clock.elapsedMs() - cached.at <= freshForMs) return cached.byId;
    return reading ?? read();
  }

  /** Once for all who ask meanwhile. What an upsert has overtaken is not kept. */
  function read(): Promise<ReadonlyMap<string, Customer>> {
    const own = newest(lake)
      .then(({ customers }) => {
        const found = new Map(customers.map((one) => [one.customer_id, one]));
        if (reading === own) cached = { at: clock.elapsedMs(), byId: found };
        return found;
      })
      .finally(() => {
        if (reading === own) reading = undefined;
      });
    reading = own;
    return own;
  }

  async function upsert(changes: readonly Customer[]): Promise<void> {
    if (changes.length === 0) return;
    const before = await newest(lake);
    const merged = new Map(before.customers.map((one) => [one.customer_id, one]));
    for (const change of changes) merged.set(change.customer_id, change);
    const customers = [...merged.values()].sort((a, b) => (a.customer_id < b.customer_id ? -1 : 1));
    const snapshot = { number: before.number + 1, takenAt: clock.now(), customers };
    const body = Buffer.from(JSON.stringify(snapshot));
    const { isCreated } = await lake.create(snapshotKey(snapshot.number), body);
    // Somebody else took this number: merge into what they wrote.
    if (!isCreated) return upsert(changes);
    await publish(lake, snapshot);
    cached = undefined;
    reading = undefined;
  }

  return {
    find: async (customerId) => (await byId()).get(customerId),
    list: async () => [...(await byId()).values()],
    upsert,

    async issueKey(customerId) {
      if (!(await byId()).has(customerId)) {
        throw new Refused(
          "unknown_customer",
          `${customerId} is no known customer`,
          "an id of `customers list`",
        );
      }
      const apiKey = `dk_${randomToken(32)}`;
      await lake.create(hashKey(apiKey), Buffer.from(JSON.stringify({ customer_id: customerId })));
      return apiKey;
    },

    async customerOfKey(apiKey) {
      const key = hashKey(apiKey);
      const known = keyOwners.get(key) ?? (await ownerOf(lake, key));
      if (known === undefined) return undefined;
      keyOwners.set(key, known);
      return (await byId()).get(known);
    },

    async publishAll() {
      let missing = 0;
      for await (const key of lake.list({ prefix: snapshotsPrefix })) {
        if (await publish(lake, await readSnapshot(lake, key))) missing += 1;
      }
      return missing;
    },
  };
}

function snapshotKey(number: number): string {
  return `${snapshotsPrefix}${String(number).padStart(8, "0")}.json`;
}

/** Keys are 256 random bits, so a plain hash cannot be guessed back. */
function hashKey(apiKey: string): string {
  return `customers/keys/${sha256(apiKey)}.json`;
}

async function ownerOf(lake: Lake, key: string): Promise<string | undefined> {
  const found = await readWhole(lake, key);
  return found && String(JSON.parse(found.bytes.toString("utf8")).customer_id);
}

async function newest(lake: Lake): Promise<Snapshot> {
  let last: string | undefined;
  for await (const key of lake.list({ prefix: snapshotsPrefix })) last = key;
  return last === undefined ? { number: 0, takenAt: new Date(0), customers: [] } : readSnapshot(lake, last);
}

async function readSnapshot(lake: Lake, key: string): Promise<Snapshot> {
  const found = await readWhole(lake, key);
  if (found === undefined) throw new Unavailable(`${key} was removed while it was being read`);
  const { number, takenAt, customers } = JSON.parse(found.bytes.toString("utf8"));
  return { number, takenAt: new Date(takenAt), customers: z.array(customerSchema).parse(customers) };
}

/** The snapshot as a segment under a name of its own: writing it again meets itself. False when it was there. */
async function publish(lake: Lake, { number, takenAt, customers }: Snapshot): Promise<boolean> {
  const lines = customers.map((customer) => {
    const row: Row<"customer"> = {
      ...customer,
      event_id: `${number}/${customer.customer_id}`,
      snapshot_at: takenAt.toISOString(),
    };
    return JSON.stringify(row);
  });
  const name = `snapshot-${String(number).padStart(8, "0")}`;
  const earliestDate = takenAt.toISOString().slice(0, 10);
  return createSegmentAs(lake, "customer", takenAt, name, { lines, earliestDate });
}
