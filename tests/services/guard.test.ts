import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { startGuard } from "../../infra/services/guard.ts";
import type { RunningProxy } from "../../infra/services/http-proxy.ts";
import { httpServer } from "./http-servers.ts";

/** Like bqemulator: does a job whenever it is asked to, knows it afterwards, and tells of a failed query with 200. */
async function emulator() {
  const jobs = new Map<string, number>();
  const state = { jobs, status: 200, waitMs: 0, hangsUp: false, begun: 0 };
  const target = await httpServer(async (request, body, response) => {
    const url = String(request.url);
    const json = (status: number, value: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    if (url.endsWith("/queries")) {
      const isGood = JSON.parse(body).query === "select 1";
      const errors = [{ reason: "notFound", message: "Not found: Table a.b" }];
      return json(200, isGood ? { jobComplete: true, rows: [{ f: [{ v: "1" }] }] } : { errors });
    }
    const asked = /\/jobs\/(.+)$/.exec(url)?.[1];
    if (asked !== undefined) return json(jobs.has(asked) ? 200 : 404, { id: asked });
    if (!url.includes("/jobs")) return json(200, { url });
    state.begun++;
    await sleep(state.waitMs);
    if (state.hangsUp) return void response.destroy();
    if (state.status !== 200) return json(state.status, { error: { code: state.status } });
    const id = /"jobId":"(\w+)"/.exec(body)?.[1] ?? "chosen";
    jobs.set(id, (jobs.get(id) ?? 0) + 1);
    return json(200, { jobReference: { jobId: id } });
  });
  async function untilBegun(): Promise<void> {
    while (state.begun === 0) await sleep(5);
  }
  return { jobs, state, target, untilBegun };
}

describe("the guard before the BigQuery server", () => {
  let behind: Awaited<ReturnType<typeof emulator>>;
  let guard: RunningProxy;
  beforeEach(async () => {
    behind = await emulator();
    guard = await startGuard({ target: behind.target });
  });
  afterEach(() => guard.close());

  const url = (path: string) => `${guard.endpoint}/bigquery/v2/projects/p/${path}`;
  const post = (path: string, value: object) =>
    fetch(url(path), { method: "POST", body: JSON.stringify(value) });
  const insert = (jobId: string) =>
    post("jobs", { jobReference: { projectId: "p", location: "EU", jobId }, configuration: {} });

  it("does a job once, and says 409 duplicate in BigQuery's form when it comes again", async () => {
    expect((await insert("a")).status).toBe(200);
    const again = await insert("a");
    expect(again.status).toBe(409);
    expect(await again.json()).toEqual({
      error: {
        code: 409,
        message: "Already Exists: Job p:EU.a",
        errors: [{ message: "Already Exists: Job p:EU.a", domain: "global", reason: "duplicate" }],
        status: "ALREADY_EXISTS",
      },
    });
    expect(behind.jobs).toEqual(new Map([["a", 1]]));
  });

  it("does a job once when it comes several times at the same moment", async () => {
    behind.state.waitMs = 30;
    const answers = await Promise.all([insert("a"), insert("a"), insert("a")]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect(behind.jobs).toEqual(new Map([["a", 1]]));
  });

  it("finishes a job whose sender hung up, and says so when it comes again", async () => {
    behind.state.waitMs = 100;
    const sender = new AbortController();
    const sent = fetch(url("jobs"), {
      method: "POST",
      body: '{"jobReference":{"jobId":"a"}}',
      signal: sender.signal,
    });
    await behind.untilBegun();
    sender.abort();
    await expect(sent).rejects.toMatchObject({ name: "AbortError" });
    expect((await insert("a")).status).toBe(409);
    expect(behind.jobs).toEqual(new Map([["a", 1]]));
  });

  it("lets whoever asks for a job wait while it is done", async () => {
    behind.state.waitMs = 100;
    const inserted = insert("a");
    await behind.untilBegun();
    expect((await fetch(url("jobs/a"))).status).toBe(200);
    expect((await inserted).status).toBe(200);
  });

  it("knows the jobs that were done before it was started", async () => {
    await insert("a");
    const later = await startGuard({ target: behind.target });
    const answer = await fetch(`${later.endpoint}/bigquery/v2/projects/p/jobs`, {
      method: "POST",
      body: '{"jobReference":{"jobId":"a"}}',
    });
    await later.close();
    expect(answer.status).toBe(409);
  });

  it.each([500, 503, 400])("forgets a job that was answered with %i", async (status) => {
    behind.state.status = status;
    expect((await insert("a")).status).toBe(status);
    behind.state.status = 200;
    expect((await insert("a")).status).toBe(200);
  });

  it("forgets a job when the server hung up, and says 502", async () => {
    behind.state.hangsUp = true;
    expect((await insert("a")).status).toBe(502);
    behind.state.hangsUp = false;
    expect((await insert("a")).status).toBe(200);
  });

  it("finds the job of an upload in the first part of its body", async () => {
    const body = [
      "--x",
      "content-type: application/json",
      "",
      '{"jobReference":{"jobId":"a"}}',
      "--x",
      "",
      '{"n":1}',
      "--x--",
    ].join("\r\n");
    const upload = () =>
      fetch(`${guard.endpoint}/upload/bigquery/v2/projects/p/jobs?uploadType=multipart`, {
        method: "POST",
        headers: { "content-type": "multipart/related; boundary=x" },
        body,
      });
    expect([(await upload()).status, (await upload()).status]).toEqual([200, 409]);
  });

  it("lets jobs without an id through", async () => {
    const answers = [await post("jobs", { configuration: {} }), await post("jobs", { configuration: {} })];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });

  it("turns a failed query's 200 into 400 in BigQuery's form", async () => {
    const answer = await post("queries", { query: "select * from a.b" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({
      error: {
        code: 400,
        message: "Not found: Table a.b",
        errors: [{ message: "Not found: Table a.b", domain: "global", reason: "notFound" }],
        status: "INVALID_ARGUMENT",
      },
    });
  });

  it("leaves a query's result and everything else as they are", async () => {
    expect(await (await post("queries", { query: "select 1" })).json()).toEqual({
      jobComplete: true,
      rows: [{ f: [{ v: "1" }] }],
    });
    expect(await (await fetch(url("datasets?all=true"))).json()).toEqual({
      url: "/bigquery/v2/projects/p/datasets?all=true",
    });
  });

  it("says 502 when no server is behind it", async () => {
    const alone = await startGuard({ target: "http://127.0.0.1:1" });
    const answer = await fetch(`${alone.endpoint}/bigquery/v2/projects/p/datasets`);
    await alone.close();
    expect(answer.status).toBe(502);
  });
});
