import { writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { picture } from "../pictures.ts";
import { gone, type Home, newHome } from "./darkroom.ts";

const commands = "demo up ingest customers work load run refresh query reconcile rebuild doctor report".split(
  " ",
);

describe("the command", () => {
  let home: Home;
  beforeAll(async () => {
    home = await newHome();
  });

  it("shows the whole way with pictures of its own", async () => {
    const { code, out, json } = await home.run(
      "demo",
      "--once",
      "--images",
      "60",
      "--customers",
      "3",
      "--json",
    );
    expect(json).toMatchObject({
      received: 58,
      pending: 0,
      failed: 0,
      assertions_failed: 0,
      is_complete: true,
    });
    expect(Number(json?.processed) + Number(json?.rejected)).toBe(58);
    expect(code).toBe(0);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
  }, 120_000);

  it("adds to what is there when it is run again", async () => {
    const { code, json } = await home.run("demo", "--once", "--images", "10", "--customers", "2", "--json");
    expect([code, json]).toEqual([0, expect.objectContaining({ received: 10, is_complete: true })]);
    const all = await home.run(
      "query",
      "--json",
      "select sum(images_received) as images from reporting.rpt_images_by_customer",
    );
    expect(all.json).toEqual({
      schema: [{ name: "images", type: "INTEGER", mode: "NULLABLE" }],
      rows: [{ images: 68 }],
    });
  }, 60_000);

  it.each(commands)("explains %s", async (name) => {
    const { code, out } = await home.run(name, "--help");
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`Usage: darkroom ${name}`));
  });

  it("lists every command in its help", async () => {
    const { code, out } = await home.run("--help");
    expect(code).toBe(0);
    for (const name of commands) expect(out).toContain(`  ${name} `);
  });

  it.each([
    ["no command of that name", ["develop"], {}, 2],
    ["a missing option", ["ingest", "."], {}, 2],
    ["an unknown option", ["run", "--fast"], {}, 2],
    ["a number that is none", ["demo", "--images", "many"], {}, 2],
    ["a path that is not there", ["ingest", "/nowhere", "--customer", "c1"], {}, 2],
    ["a customer's id that is none", ["ingest", ".", "--customer", "a b"], {}, 2],
    ["a wrong setting", ["run"], { DARKROOM_PORT: "http" }, 2],
    ["a query before there is a warehouse", ["query", "select 1"], {}, 3],
    ["a lake that cannot be written", ["customers", "list"], { DARKROOM_EVENTS: "folder:/dev/null/none" }, 0],
    [
      "a lake that cannot be written",
      ["customers", "key", "c1"],
      { DARKROOM_EVENTS: "folder:/dev/null/none" },
      3,
    ],
  ])("ends with the right code for %s: %j", async (_what, args, settings, code) => {
    const broken = await newHome(settings);
    const result = await broken.run(...args);
    expect([result.code, result.error]).toEqual([
      code,
      code === 0 ? expect.anything() : expect.stringMatching(/./),
    ]);
    expect(result.error).not.toMatch(/\n\s+at /);
  });

  it("says what is wrong as JSON, too", async () => {
    const { code, json } = await home.run("query", "--json", "select nothing from nowhere.none");
    expect(code).toBe(2);
    expect(json).toEqual({ error: { kind: "refused", message: expect.stringMatching(/none/) } });
  });

  it("says what is wrong with its arguments as JSON, too", async () => {
    for (const args of [
      ["ingest", ".", "--json"],
      ["run", "--fast", "--json"],
      ["develop", "--json"],
    ]) {
      const { code, json } = await home.run(...args);
      expect([code, json]).toEqual([2, { error: { kind: "usage", message: expect.stringMatching(/./) } }]);
    }
  });

  it("finds nothing wrong with a sound home, and says what is", async () => {
    expect(await home.run("doctor", "--json")).toMatchObject({ code: 0 });
    const broken = await newHome({ DARKROOM_IMAGES: "folder:/dev/null/none" });
    const { code, json } = await broken.run("doctor", "--json");
    expect(code).toBe(1);
    expect(json?.findings).toContainEqual(expect.objectContaining({ name: "image lake", is_ok: false }));
  });

  it("imports customers, and gives a key of which it tells once", async () => {
    const file = join(home.folder, "customers.csv");
    await writeFile(file, "customer_id,name,country\nacme,Acme,SG\n");
    expect(await home.run("customers", "import", file, "--json")).toMatchObject({
      code: 0,
      json: { imported: 1 },
    });
    const { json } = await home.run("customers", "key", "acme", "--json");
    expect(json).toEqual({ customer_id: "acme", api_key: expect.stringMatching(/^dk_.{43}$/) });
    expect((await home.run("customers", "list", "--json")).json?.customers).toContainEqual(
      expect.objectContaining({ name: "Acme" }),
    );
  });

  it("finds what no notice told of, and mends it", async () => {
    const lost = await newHome();
    await writeFile(join(lost.folder, "one.png"), await picture(1));
    await lost.run("ingest", join(lost.folder, "one.png"), "--customer", "c1");
    await writeFile(join(lost.folder, "empty"), "");
    const { rm } = await import("node:fs/promises");
    await rm(join(lost.folder, "images/.arrivals"), { recursive: true });
    expect(await lost.run("reconcile", "--check", "--json")).toMatchObject({
      code: 1,
      json: { unprocessed: { found: 1, left: 1 } },
    });
    expect(await lost.run("reconcile", "--json")).toMatchObject({
      code: 0,
      json: { unprocessed: { found: 1, left: 0 } },
    });
    expect((await lost.run("refresh", "--json")).json).toMatchObject({ received: 1, processed: 1 });

    // The outcome stays in the lake, and its record is lost.
    await rm(join(lost.folder, "events/events/image_processed"), { recursive: true });
    await rm(join(lost.folder, "warehouse.duckdb"));
    expect(await lost.run("reconcile", "--check", "--json")).toMatchObject({
      code: 1,
      json: { unprocessed: { found: 0 }, unrecorded: { found: 1 } },
    });
    expect(await lost.run("reconcile", "--json")).toMatchObject({
      code: 0,
      json: { unrecorded: { found: 1, left: 0 } },
    });
  }, 60_000);

  it("prints a link to Looker Studio", async () => {
    const { code, out } = await home.run("report", "--looker", "--project", "my-project");
    const url = new URL(out.trim());
    expect([code, url.host, url.pathname]).toEqual([0, "lookerstudio.google.com", "/reporting/create"]);
    expect([...url.searchParams.values()]).toEqual(
      expect.arrayContaining(["bigQuery", "my-project", "reporting", "rpt_images_by_type"]),
    );
  });

  it("serves until SIGTERM, refuses a second one, and answers a body of 300 MB before it is all sent", async () => {
    const busy = await newHome();
    const key = String((await busy.run("customers", "key", "c1", "--json")).json?.api_key);
    const running = await busy.up();
    const dashboard = await fetch(`http://127.0.0.1:${busy.port}/dashboard`);
    expect([dashboard.status, dashboard.headers.get("content-type")]).toEqual([
      200,
      "text/html; charset=utf-8",
    ]);
    expect(await busy.run("query", "--json", "select 1 as one")).toMatchObject({
      code: 3,
      json: { error: { kind: "unavailable" } },
    });
    expect(await busy.run("up", "--json")).toMatchObject({
      code: 3,
      json: { error: { kind: "unavailable" } },
    });
    expect(await statusOfHugeBody(busy.port, key, 300 * 1024 * 1024)).toBe("HTTP/1.1 413 Payload Too Large");
    running.kill("SIGTERM");
    expect(await gone(running)).toBe(0);
    expect((await busy.run("refresh", "--json")).json).toMatchObject({ received: 1, rejected: 1 });
  }, 60_000);
});

/** Sends as many bytes and reads the answer's first line. */
function statusOfHugeBody(port: number, key: string, bytes: number): Promise<string> {
  const socket = createConnection(port, "127.0.0.1");
  const chunk = Buffer.alloc(1024 * 1024);
  socket.write(
    `POST /v1/images HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: image/jpeg\r\nContent-Length: ${bytes}\r\n\r\n`,
  );
  let left = bytes;
  const send = () => {
    while (left > 0) {
      left -= chunk.length;
      if (!socket.write(chunk)) return;
    }
  };
  socket.on("drain", send);
  send();
  return new Promise((resolve, reject) => {
    socket.once("data", (data) => {
      resolve(String(data).split("\r\n")[0] ?? "");
      socket.destroy();
    });
    socket.once("error", reject);
  });
}
