import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parseRow } from "../../../core/rows.ts";
import { type ListOptions, readWhole } from "../../../lake/lake.ts";
import { segmentName } from "../../../lake/layout.ts";
import { memoryLake } from "../../../lake/memory.ts";
import { type Customer, lakeCustomers } from "../../../loaders/customers/customers.ts";
import { readCustomers } from "../../../loaders/customers/import.ts";
import { manualClock } from "../../manual-clock.ts";
import { keysBelow } from "../../platform.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

const customer = (id: string, changes: Partial<Customer> = {}): Customer => ({
  customer_id: id,
  name: id.toUpperCase(),
  plan: null,
  country: null,
  is_active: true,
  ...changes,
});

describe("customers", () => {
  it("are added and changed; those that are not named stay", async () => {
    const customers = lakeCustomers({ lake: memoryLake() });
    await customers.upsert([customer("b"), customer("a")]);
    await customers.upsert([customer("b", { name: "Bee", is_active: false })]);
    expect(await customers.list()).toEqual([customer("a"), customer("b", { name: "Bee", is_active: false })]);
  });

  it("are read once for all who ask at the same time", async () => {
    const lake = memoryLake();
    await lakeCustomers({ lake }).upsert([customer("a")]);
    let reads = 0;
    const list: typeof lake.list = (options) => {
      reads += 1;
      return lake.list(options);
    };
    const customers = lakeCustomers({ lake: { ...lake, list } });
    const found = await Promise.all(Array.from({ length: 8 }, () => customers.find("a")));
    expect(found).toEqual(Array.from({ length: 8 }, () => customer("a")));
    expect(reads).toBe(1);
  });

  it("are seen as changed here at once, also when an older reading ends later", async () => {
    const lake = memoryLake();
    let endReading = () => {};
    const firstReading = new Promise<void>((resolve) => {
      endReading = resolve;
    });
    let isFirst = true;
    async function* list(options: ListOptions) {
      const keys: string[] = [];
      for await (const key of lake.list(options)) keys.push(key);
      const waits = isFirst;
      isFirst = false;
      if (waits) await firstReading;
      yield* keys;
    }
    const customers = lakeCustomers({ lake: { ...lake, list } });
    const before = customers.find("a");
    await customers.upsert([customer("a")]);
    endReading();
    expect(await before).toBeUndefined();
    expect(await customers.find("a")).toEqual(customer("a"));
  });

  it("are written as full snapshots that are segments of the raw table", async () => {
    const lake = memoryLake();
    const customers = lakeCustomers({ lake });
    await customers.upsert([customer("a")]);
    await customers.upsert([customer("b")]);
    const segments = await keysBelow(lake, "events/customer/");
    const rows = await Promise.all(
      segments.map(async (key) =>
        String((await readWhole(lake, key))?.bytes)
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line)),
      ),
    );
    expect(rows.map((snapshot) => snapshot.map(({ customer_id }) => customer_id))).toEqual([
      ["a"],
      ["a", "b"],
    ]);
    for (const [n, snapshot] of rows.entries()) {
      for (const { _segment, ...row } of snapshot) {
        expect(parseRow("customer", row).success).toBe(true);
        expect(_segment).toBe(segmentName(String(segments[n])));
      }
    }
    expect(await customers.publishAll()).toBe(0);
  });

  it("publish a snapshot whose writer died before its segment", async () => {
    const lake = memoryLake();
    await lakeCustomers({ lake }).upsert([customer("a")]);
    for (const key of await keysBelow(lake, "events/")) await lake.remove(key);
    expect(await lakeCustomers({ lake }).publishAll()).toBe(1);
    expect(await keysBelow(lake, "events/customer/")).toHaveLength(1);
  });

  it("lose nothing when two processes change them at once", async () => {
    const lake = memoryLake();
    const [one, other] = [lakeCustomers({ lake }), lakeCustomers({ lake })];
    await Promise.all([
      one.upsert([customer("a")]),
      other.upsert([customer("b")]),
      one.upsert([customer("c")]),
    ]);
    expect((await lakeCustomers({ lake }).list()).map(({ customer_id }) => customer_id)).toEqual([
      "a",
      "b",
      "c",
    ]);
  });

  it("see another process's change within a few seconds", async () => {
    const lake = memoryLake();
    const clock = manualClock();
    const customers = lakeCustomers({ lake, clock });
    expect(await customers.find("a")).toBeUndefined();
    await lakeCustomers({ lake }).upsert([customer("a")]);
    clock.advance(5000);
    expect(await customers.find("a")).toEqual(customer("a"));
  });

  it("have keys of which only hashes are kept", async () => {
    const lake = memoryLake();
    const customers = lakeCustomers({ lake });
    await customers.upsert([customer("a"), customer("b")]);
    const keys = [
      await customers.issueKey("a"),
      await customers.issueKey("a"),
      await customers.issueKey("b"),
    ];
    const owners = await Promise.all(
      keys.map(async (key) => (await customers.customerOfKey(key))?.customer_id),
    );
    expect(owners).toEqual(["a", "a", "b"]);
    expect(new Set(keys).size).toBe(3);
    expect(await customers.customerOfKey("dk_guess")).toBeUndefined();
    for (const key of await keysBelow(lake, "")) {
      const text = key + String((await readWhole(lake, key))?.bytes);
      for (const secret of keys) expect(text).not.toContain(secret);
    }
    await expect(customers.issueKey("c")).rejects.toMatchObject({
      name: "Refused",
      reason: "unknown_customer",
    });
  });
});

describe("customers' files", () => {
  const file = async (name: string, text: string) => {
    const path = join(await temporaryFolder(), name);
    await writeFile(path, text);
    return path;
  };

  it.each([
    ["a.csv", "customer_id,name,plan,country,is_active\na,Ann,pro,SG,true\nb,Bob,,,FALSE\n"],
    [
      "a.json",
      '[{"customer_id":"a","name":"Ann","plan":"pro","country":"SG"},{"customer_id":"b","name":"Bob","is_active":false}]',
    ],
    [
      "a.ndjson",
      '{"customer_id":"a","name":"Ann","plan":"pro","country":"SG"}\n{"customer_id":"b","name":"Bob","is_active":false}\n',
    ],
  ])("are read as %s", async (name, text) => {
    expect(await readCustomers(await file(name, text))).toEqual([
      { customer_id: "a", name: "Ann", plan: "pro", country: "SG", is_active: true },
      { customer_id: "b", name: "Bob", plan: null, country: null, is_active: false },
    ]);
  });

  it("say everything that is wrong, with the customer's number", async () => {
    const path = await file("a.csv", "customer_id,name,country\na b,Ann,SG\nb,,Singapore\n");
    await expect(readCustomers(path)).rejects.toMatchObject({
      name: "Misconfigured",
      problems: [
        expect.stringContaining("customer 1: customer_id: 1 to 64 of"),
        expect.stringContaining("customer 2: name"),
        expect.stringContaining("customer 2: country: two capital letters"),
      ],
    });
  });

  it.each([
    ["a.txt", "x", "expected a file ending in .csv, .json or .ndjson"],
    ["a.json", "{", "cannot be read"],
  ])("that cannot be read are refused: %s", async (name, text, message) => {
    await expect(readCustomers(await file(name, text))).rejects.toThrow(message);
  });
});
