import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { LoadableSegment, TableSpec } from "../../warehouse/warehouse.ts";
import { type BigqueryDouble, bigqueryDouble, failed, refusal } from "./bigquery-double.ts";

const customers: TableSpec = {
  name: "customer",
  description: "One row per customer.",
  columns: [
    { name: "customer_id", type: "STRING", mode: "REQUIRED", description: "Identity." },
    { name: "snapshot_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When." },
    { name: "visits", type: "INT64", description: "How many." },
  ],
  partitionBy: "snapshot_at",
  clusterBy: ["customer_id"],
};
const file = (name: string): LoadableSegment => ({ name, url: `gs://bucket/${name}.ndjson` });
const hourMs = 3_600_000;

let bigquery: BigqueryDouble & { advance(ms: number): void };
beforeEach(async () => {
  bigquery = await bigqueryDouble();
});
afterEach(() => bigquery.close());

const load = (...segments: readonly LoadableSegment[]) =>
  bigquery.warehouse().load("raw", customers, segments);
const loadIds = () => bigquery.inserted("load").map(({ body }) => String(body.jobReference.jobId));

/** The id of the job that would be inserted for these files, learnt by inserting it elsewhere. */
async function idOf(attempt: number, ...segments: readonly LoadableSegment[]): Promise<string> {
  const other = await bigqueryDouble();
  try {
    other.onInsert = (_, { load }) => (load ? failed("backendError", "again") : {});
    await other
      .warehouse()
      .load("raw", customers, segments)
      .catch(() => undefined);
    return String(other.inserted("load")[attempt]?.body.jobReference.jobId);
  } finally {
    await other.close();
  }
}

/** A load job that another call has inserted. */
async function place(attempt: number, job: Parameters<typeof bigquery.jobs.set>[1], ...names: string[]) {
  const jobId = await idOf(attempt, ...names.map(file));
  const nowMs = String(bigquery.clock.now().getTime());
  bigquery.jobs.set(jobId, {
    jobReference: { projectId: "p", jobId, location: "EU" },
    configuration: {
      load: { destinationTable: { projectId: "p", datasetId: "raw", tableId: "customer" } },
    },
    status: { state: "DONE" },
    ...job,
    statistics: { creationTime: nowMs, endTime: nowMs, load: { outputRows: "7" }, ...job.statistics },
  });
  return jobId;
}

describe("the job of a load", () => {
  it("names exact files and refuses whatever the table does not know", async () => {
    await load(file("b"), file("a"));
    expect(bigquery.inserted("load").map(({ body }) => body.configuration)).toEqual([
      {
        labels: { application: "darkroom", kind: "load", name: "customer" },
        load: {
          destinationTable: { projectId: "p", datasetId: "raw", tableId: "customer" },
          sourceUris: ["gs://bucket/b.ndjson", "gs://bucket/a.ndjson"],
          sourceFormat: "NEWLINE_DELIMITED_JSON",
          encoding: "UTF-8",
          schema: {
            fields: [
              { name: "customer_id", type: "STRING", mode: "REQUIRED", description: "Identity." },
              { name: "snapshot_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When." },
              { name: "visits", type: "INTEGER", mode: "NULLABLE", description: "How many." },
              expect.objectContaining({ name: "_segment", type: "STRING", mode: "REQUIRED" }),
            ],
          },
          autodetect: false,
          createDisposition: "CREATE_NEVER",
          writeDisposition: "WRITE_APPEND",
          schemaUpdateOptions: [],
          ignoreUnknownValues: false,
          maxBadRecords: 0,
        },
      },
    ]);
    expect(bigquery.inserted("load")[0]?.body.jobReference).toMatchObject({ projectId: "p", location: "EU" });
  });

  it("has an id of the table, the files in any order, and the attempt", async () => {
    const id = await idOf(0, file("a"), file("b"));
    expect(id).toMatch(/^darkroom_load_[0-9a-f]{64}$/);
    expect(await idOf(0, file("b"), file("a"))).toBe(id);
    expect(await idOf(0, file("a"))).not.toBe(id);
    expect(await idOf(0, file("a"), { name: "b", url: "gs://bucket/mended/b.ndjson" })).not.toBe(id);
    expect(await idOf(1, file("a"), file("b"))).not.toBe(id);
    await bigquery.warehouse().load("raw", { ...customers, name: "other" }, [file("a"), file("b")]);
    await bigquery.warehouse().load("raw2", customers, [file("a"), file("b")]);
    expect(new Set([id, ...loadIds()]).size).toBe(3);
  });

  it("takes fewer than 10,000 files", async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => file(`s${n}`));
    await expect(load(...many)).rejects.toMatchObject({ name: "Misconfigured" });
    expect(loadIds()).toEqual([]);
    expect((await load(...many.slice(1))).rows).toBe(1);
    expect(bigquery.inserted("load")[0]?.body.configuration.load.sourceUris).toHaveLength(9999);
  });
});

describe("a load that was asked for before", () => {
  it("leaves out the files whose rows are in the table, read within the names that it is about", async () => {
    bigquery.segments.add("a");
    await load(file("c"), file("a"), file("b"));
    const [read] = bigquery.inserted("query");
    expect(read?.body.configuration.query).toMatchObject({
      query: "select distinct _segment from `p.raw.customer` where _segment >= @since and _segment <= @until",
      parameterMode: "NAMED",
      queryParameters: [
        { name: "since", parameterType: { type: "STRING" }, parameterValue: { value: "a" } },
        { name: "until", parameterType: { type: "STRING" }, parameterValue: { value: "c" } },
      ],
    });
    expect(bigquery.inserted("load")[0]?.body.configuration.load.sourceUris).toEqual([
      "gs://bucket/c.ndjson",
      "gs://bucket/b.ndjson",
    ]);
  });

  it("reads only the partitions that the files can be in, where they tell", async () => {
    const dated = (name: string, earliestDate: string) => ({ ...file(name), earliestDate });
    await load(dated("a", "2026-01-30"), dated("b", "2026-01-29"));
    const [read] = bigquery.inserted("query");
    expect(read?.body.configuration.query.query).toContain("where snapshot_at >= @earliest and _segment");
    expect(read?.body.configuration.query.queryParameters[0]).toEqual({
      name: "earliest",
      parameterType: { type: "TIMESTAMP" },
      parameterValue: { value: "2026-01-29 00:00:00+00:00" },
    });
  });

  it("inserts nothing when all is there", async () => {
    bigquery.segments.add("a");
    bigquery.onInsert = () => ({ statistics: { query: { totalBytesBilled: "10485760" } } });
    expect(await load(file("a"))).toEqual({ rows: 0, bytesBilled: 10_485_760 });
    expect(await load()).toEqual({ rows: 0, bytesBilled: 0 });
    expect(loadIds()).toEqual([]);
  });

  it("waits for a job of the same files that runs", async () => {
    await place(0, { status: { state: "RUNNING" }, statistics: { endTime: "9999999999999" } }, "a");
    expect((await load(file("a"))).rows).toBe(7);
    expect(loadIds()).toEqual([]);
  });

  it("waits for running loads into the table before it reads what is loaded", async () => {
    const running = await place(0, { status: { state: "RUNNING" } }, "a", "z");
    await load(file("a"));
    expect(bigquery.asked[0]?.query).toMatchObject({ stateFilter: "running", projection: "full" });
    const paths = bigquery.asked.map(({ method, path }) => `${method} ${path}`);
    // The first answer is that it still runs.
    expect(paths.slice(1, 4)).toEqual([`GET jobs/${running}`, `GET jobs/${running}`, "POST jobs"]);
    expect(bigquery.asked[3]?.body.configuration.query).toBeDefined();
  });

  it("meets its own job when another process inserts it at the same moment", async () => {
    const jobId = await place(
      0,
      { status: { state: "RUNNING" }, statistics: { endTime: "9999999999999" } },
      "a",
    );
    const placed = bigquery.jobs.get(jobId);
    bigquery.jobs.delete(jobId);
    bigquery.intercept = ({ method, body }) => {
      if (method === "POST" && body.configuration.load && placed) bigquery.jobs.set(jobId, placed);
      return undefined;
    };
    expect((await load(file("a"))).rows).toBe(7);
    expect(loadIds()).toEqual([jobId]);
  });

  it("meets its own job when the answer to its insertion was lost", async () => {
    let lost = 0;
    bigquery.intercept = ({ method, path, body }) => {
      if (method !== "POST" || path !== "jobs" || !body.configuration.load || lost++ > 0) return undefined;
      const { jobReference, configuration } = body;
      const statistics = { endTime: "9999999999999", load: { outputRows: "3" } };
      const job = { jobReference, configuration, status: { state: "DONE" }, statistics };
      bigquery.jobs.set(jobReference.jobId, job);
      return refusal(503, "backendError", "try again");
    };
    expect((await load(file("a"))).rows).toBe(3);
    expect(new Set(loadIds()).size).toBe(1);
  });

  it("takes a job as done that ended after the table was read", async () => {
    await place(0, { statistics: { endTime: "9999999999999" } }, "a");
    expect((await load(file("a"))).rows).toBe(7);
    expect(loadIds()).toEqual([]);
  });

  it("loads again what an earlier job loaded into a table that is gone", async () => {
    const first = await place(0, {}, "a");
    bigquery.advance(1000);
    expect((await load(file("a"))).rows).toBe(1);
    expect(loadIds()).toEqual([await idOf(1, file("a"))]);
    expect(loadIds()).not.toContain(first);
  });
});

describe("a load that fails", () => {
  it("takes another id where the service was at fault, since the first is used up", async () => {
    await place(0, failed("backendError", "trouble"), "a");
    bigquery.advance(1000);
    expect((await load(file("a"))).rows).toBe(1);
    expect(loadIds()).toEqual([await idOf(1, file("a"))]);
  });

  it("tries three jobs while the service is at fault, and leaves the rest for later", async () => {
    bigquery.onInsert = (_, { load }) => (load ? failed("backendError", "trouble") : {});
    await expect(load(file("a"))).rejects.toMatchObject({ name: "Unavailable", message: "trouble" });
    expect(new Set(loadIds()).size).toBe(3);
    bigquery.onInsert = () => ({});
    expect((await load(file("a"))).rows).toBe(1);
    expect(loadIds()).toHaveLength(4);
  });

  it("is left for later at once when the quota is used up", async () => {
    bigquery.onInsert = (_, { load }) => (load ? failed("quotaExceeded", "1500 loads a day") : {});
    await expect(load(file("a"))).rejects.toMatchObject({ name: "Unavailable" });
    expect(loadIds()).toHaveLength(1);
  });

  it("is refused with the file and the reason when a row does not fit, and asked again is not tried again for an hour", async () => {
    const problem = "Error while reading data, error message:\nCould not convert value to integer.";
    bigquery.onInsert = (_, { load }) => (load ? failed("invalid", problem, "gs://bucket/a.ndjson") : {});
    const refused = {
      name: "Refused",
      message:
        "gs://bucket/a.ndjson: Error while reading data, error message: Could not convert value to integer.",
    };
    await expect(load(file("a"))).rejects.toMatchObject(refused);
    bigquery.advance(hourMs - 60_000);
    await expect(load(file("a"))).rejects.toMatchObject(refused);
    expect(loadIds()).toHaveLength(1);
    bigquery.advance(120_000);
    await expect(load(file("a"))).rejects.toMatchObject(refused);
    expect(new Set(loadIds()).size).toBe(2);
  });

  it("is the operator's when rights or the table are missing", async () => {
    bigquery.onInsert = (_, { load }) => (load ? failed("accessDenied", "no access to gs://bucket") : {});
    await expect(load(file("a"))).rejects.toMatchObject({ name: "Misconfigured" });
    const elsewhere = "Cannot read and write in different locations: source: US, destination: EU";
    bigquery.onInsert = (_, { load }) => (load ? failed("invalid", elsewhere) : {});
    await expect(load(file("c"))).rejects.toMatchObject({ name: "Misconfigured" });
    bigquery.intercept = ({ method, body }) =>
      method === "POST" && body.configuration.load
        ? refusal(404, "notFound", "Not found: Table p:raw.customer")
        : undefined;
    await expect(load(file("b"))).rejects.toMatchObject({ name: "Misconfigured" });
  });

  it("does not wait for ever", async () => {
    bigquery.intercept = ({ method, path, body }) => {
      const running = { jobReference: { jobId: "j" }, status: { state: "RUNNING" } };
      const isLoad = method === "POST" && path === "jobs" && body.configuration.load;
      return isLoad || path === "jobs/j" ? { status: 200, body: running } : undefined;
    };
    await expect(load(file("a"))).rejects.toThrow("still RUNNING");
  });
});

describe("the quota of loads", () => {
  const quota = (warehouse = bigquery.warehouse()) => warehouse.loadQuota("raw", "customer");

  it("counts the loads of the table in the last 24 hours, failed ones too, and then its own", async () => {
    const nowMs = bigquery.clock.now().getTime();
    const job = (id: string, tableId: string, ageMs: number, status = {}) =>
      bigquery.jobs.set(id, {
        jobReference: { jobId: id },
        status: { state: "DONE", ...status },
        configuration: { load: { destinationTable: { projectId: "p", datasetId: "raw", tableId } } },
        statistics: { creationTime: String(nowMs - ageMs) },
      });
    job("darkroom_load_1", "customer", hourMs);
    job("darkroom_load_2", "customer", 23 * hourMs, failed("invalid", "x").status);
    job("somebody", "customer", 2 * hourMs);
    job("darkroom_load_3", "customer", 25 * hourMs);
    job("darkroom_load_4", "image_received", hourMs);
    bigquery.jobs.set("q", {
      configuration: { query: { query: "select 1" } },
      statistics: { creationTime: `${nowMs}` },
    });
    const warehouse = bigquery.warehouse();
    expect(await quota(warehouse)).toEqual({ used: 3, limit: 1500 });
    expect(bigquery.asked[0]).toMatchObject({
      path: "jobs",
      query: { minCreationTime: String(nowMs - 24 * hourMs), projection: "full" },
    });
    bigquery.advance(1);
    await warehouse.load("raw", customers, [file("a")]);
    expect((await quota(warehouse)).used).toBe(4);
    bigquery.advance(90 * 60_000);
    expect((await quota(warehouse)).used).toBe(3);
    bigquery.advance(24 * hourMs);
    expect((await quota(warehouse)).used).toBe(0);
  });

  it("reads the list once an hour", async () => {
    const warehouse = bigquery.warehouse();
    const lists = () => bigquery.asked.filter(({ query }) => query.minCreationTime !== undefined).length;
    await quota(warehouse);
    await warehouse.loadQuota("raw", "image_received");
    expect(lists()).toBe(1);
    bigquery.advance(hourMs + 1);
    await quota(warehouse);
    expect(lists()).toBe(2);
  });

  it("takes the rest of the day for like the part of it that a long list shows", async () => {
    const nowMs = bigquery.clock.now().getTime();
    let pages = 0;
    bigquery.intercept = ({ query }) => {
      if (query.minCreationTime === undefined) return undefined;
      pages += 1;
      // Three loads an hour, one page.
      const jobs = [10, 30, 50].map((minutes) => ({
        configuration: { load: { destinationTable: { datasetId: "raw", tableId: "customer" } } },
        statistics: { creationTime: String(nowMs - (pages - 1) * 0.6 * hourMs - minutes * 0.6 * 60_000) },
      }));
      return { status: 200, body: { jobs, nextPageToken: String(pages) } };
    };
    const { used } = await quota();
    expect(pages).toBe(20);
    expect(used).toBeGreaterThanOrEqual(120);
    expect(used).toBeLessThan(125);
  });
});
