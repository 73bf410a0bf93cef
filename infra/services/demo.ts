/** `npm run demo:services`: the demo of `npm start`, on the servers of `services:start`, in a place of its own. */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../../core/config.ts";
import { Misconfigured, messageOf, Unavailable } from "../../core/errors.ts";
import { randomToken } from "../../core/ids.ts";
import { namesWith, provision, settingsFor } from "./provision.ts";
import { serviceNames } from "./service.ts";
import { findServices, type Services } from "./services.ts";

const darkroom = fileURLToPath(new URL("../../cli/darkroom.cjs", import.meta.url));

/** All four servers. Throws `Unavailable` with how to start them when one does not run. */
function runningServices(): Services {
  const services = findServices();
  const absent = serviceNames.filter(
    (name) => !services?.has(name) || services.of(name).condition() !== "running",
  );
  if (services !== undefined && absent.length === 0) return services;
  throw new Unavailable(
    `${absent.join(", ")} not running: npm run services:install && npm run services:start`,
  );
}

/** Runs the demo with these arguments; resolves with its exit code. */
async function runDemo(args: readonly string[]): Promise<number> {
  const services = runningServices();
  // Names of its own, so that its numbers are those of a first run.
  const names = namesWith(
    `demo-${randomToken(6)
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, "0")}`,
  );
  await provision(services, names);
  const child = spawn(process.execPath, [darkroom, "demo", ...args], {
    env: childEnvironment(settingsFor(services, names)),
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

try {
  const args = process.argv.slice(2);
  process.exitCode = await runDemo(args.length > 0 ? args : ["--once"]);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = error instanceof Misconfigured ? 2 : 3;
}
