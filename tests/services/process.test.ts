import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { requireFreePort, takeFreePorts } from "../../infra/services/ports.ts";
import {
  conditionOf,
  killProcess,
  lastLines,
  launch,
  pauseProcess,
  resumeProcess,
  type ServerProcess,
  stopProcess,
  untilReady,
} from "../../infra/services/process.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const started: ServerProcess[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) await killProcess(one);
});

/** A Node.js process that runs a script. */
async function running(script: string): Promise<ServerProcess> {
  const log = join(await temporaryFolder(), "logs", "server.log");
  const one = await launch({ name: "server", command: process.execPath, args: ["-e", script], log });
  started.push(one);
  return one;
}

const forever = "setInterval(() => {}, 1000)";
const deaf = `process.on("SIGTERM", () => console.log("no")); console.log("up"); ${forever}`;

async function untilSaid(server: ServerProcess, text: string): Promise<void> {
  await untilReady([server], async () => lastLines(server.log, 10).includes(text), 5000);
}

describe("a server process", () => {
  it("is refused a busy port by name", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    await expect(requireFreePort(port, "Kafka")).rejects.toThrow(`port ${port} for Kafka is taken`);
    await new Promise((resolve) => other.close(resolve));
    await requireFreePort(port, "Kafka");
  });

  it("gets as many different free ports as it needs", async () => {
    expect(new Set(await takeFreePorts(7)).size).toBe(7);
  });

  it("that ends while it starts is told with the end of its log", async () => {
    const server = await running(`console.error("no such setting: x"); process.exit(3)`);
    await expect(untilReady([server], async () => false, 5000)).rejects.toThrow(
      /server ended while it started; the end of its log .*:\nno such setting: x/,
    );
  });

  it("that ends is not ready because something else answers on its port", async () => {
    const server = await running(forever);
    const answersForAnother = async () => {
      await killProcess(server);
      return true;
    };
    await expect(untilReady([server], answersForAnother, 5000)).rejects.toThrow("server ended");
  });

  it("that does not answer in time is told", async () => {
    const server = await running(forever);
    await expect(untilReady([server], () => Promise.reject(new TypeError("refused")), 200)).rejects.toThrow(
      /server did not answer within 0 s; its log .* is empty/,
    );
  });

  it("that cannot be started is the operator's fault", async () => {
    const log = join(await temporaryFolder(), "server.log");
    await expect(launch({ name: "server", command: "no-such-program", args: [], log })).rejects.toMatchObject(
      {
        name: "Misconfigured",
      },
    );
  });

  it("runs, pauses, goes on and stops", async () => {
    const server = await running(forever);
    expect(conditionOf(server)).toBe("running");
    await pauseProcess(server);
    expect(conditionOf(server)).toBe("paused");
    await resumeProcess(server);
    expect(conditionOf(server)).toBe("running");
    await stopProcess(server);
    expect(conditionOf(server)).toBe("ended");
  });

  it("is stopped when it is paused", async () => {
    const server = await running(forever);
    await pauseProcess(server);
    await stopProcess(server, 3000);
    expect(conditionOf(server)).toBe("ended");
  });

  it("is killed when it does not listen", async () => {
    const server = await running(deaf);
    await untilSaid(server, "up");
    await stopProcess(server, 200);
    expect(conditionOf(server)).toBe("ended");
    expect(lastLines(server.log, 1)).toBe("no");
  });

  it("is not taken for a later process with the same number", async () => {
    const server = await running(forever);
    const earlier = { ...server, identity: "ticks 1" };
    await stopProcess(earlier);
    await killProcess(earlier);
    expect([conditionOf(earlier), conditionOf(server)]).toEqual(["ended", "running"]);
  });

  it("has its long lines cut when its log is shown", async () => {
    const file = join(await temporaryFolder(), "log");
    writeFileSync(file, `first\nsecond\n${"x".repeat(1000)}\n`);
    expect(lastLines(file, 2)).toBe(`second\n${"x".repeat(300)}…`);
    expect(lastLines(`${file}.none`, 2)).toBe("");
  });
});
