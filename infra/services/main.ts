/** `npm run services:install|start|stop|status`: real servers for trials and tests, without containers. */

import { Command, InvalidArgumentError } from "commander";
import { Misconfigured, messageOf } from "../../core/errors.ts";
import { defaultCache, installServices } from "./install.ts";
import { defaultBasePort, portsFrom } from "./ports.ts";
import { conditionOf, logEnd } from "./process.ts";
import { type Located, locatedAt, provision, settingsFor } from "./provision.ts";
import { type ServiceName, serviceNames } from "./service.ts";
import { findServices, kinds, type Service, type Services, startServices } from "./services.ts";
import { defaultFolder } from "./state.ts";

interface Options {
  readonly cache: string;
  readonly folder: string;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);
const print = (line: string) => void process.stdout.write(`${line}\n`);
const startHint = "npm run services:start";

const program = new Command("services")
  .description("Kafka, Cloud Storage, Pub/Sub and BigQuery on this machine, for trials and tests")
  .option("--folder <folder>", "state, data and logs", defaultFolder)
  .option("--cache <folder>", "where the servers are installed", defaultCache());
const named = `any of ${serviceNames.join(", ")}; all when none is named`;

program
  .command("install")
  .description("install the servers; fast when they are")
  .argument("[services...]", named, collect, [])
  .action((names: readonly ServiceName[]) =>
    installServices(
      chosen(names).map((name) => kinds[name]),
      { cache: options().cache, say },
    ),
  );

program
  .command("start")
  .description("start the servers that do not run, and create buckets, topics and subscriptions")
  .argument("[services...]", named, collect, [])
  .option(
    "--base-port <port>",
    `first of nine ports in a row; 0 takes free ones (default: ${defaultBasePort})`,
    port,
  )
  .action(async (names: readonly ServiceName[], { basePort }: { readonly basePort?: number }) => {
    const services = await startServices({
      ...options(),
      only: chosen(names),
      ...(basePort === undefined ? {} : { ports: basePort === 0 ? "free" : basePort }),
      say,
    });
    await provision(services);
    say(
      "buckets, topics and subscriptions are there; the settings: npm run --silent services:status -- --env",
    );
  });

program
  .command("provision")
  .description(
    "create buckets, topics and subscriptions on servers that something else started, and print the settings",
  )
  .option("--base-port <port>", "first of their ports", port, defaultBasePort)
  .action(async ({ basePort }: { readonly basePort: number }) => {
    const servers = locatedAt(portsFrom(basePort));
    await provision(servers);
    printSettings(servers);
  });

program
  .command("stop")
  .description("stop the servers; their data stay unless --purge")
  .option("--purge", "remove their data and logs too")
  .action(async ({ purge = false }: { readonly purge?: boolean }) => {
    const services = findServices(options());
    if (services === undefined) say("no servers run");
    await services?.stop({ purge });
    for (const { name } of services?.all ?? []) say(`${name} is stopped`);
  });

program
  .command("status")
  .description("say what runs; exit code 1 unless all that was started runs")
  .option("--env", "print the settings that point darkroom at the servers, for eval")
  .option("--json", "print one JSON object")
  .action(({ env, json }: { readonly env?: boolean; readonly json?: boolean }) => {
    const services = findServices(options());
    const isGood = services?.all.every((service) => service.condition() === "running") ?? false;
    if (json) print(JSON.stringify(services === undefined ? { services: [] } : statusOf(services)));
    else if (services === undefined) say(`no servers run: ${startHint}`);
    else if (env) printSettings(services);
    else for (const service of services.all) printStatus(service);
    process.exitCode = isGood ? 0 : 1;
  });

function statusOf(services: Services): object {
  return {
    folder: services.folder,
    services: services.all.map((service) => ({ ...service, condition: service.condition() })),
    settings: settingsFor(services),
  };
}

function printSettings(services: Located): void {
  for (const [name, value] of Object.entries(settingsFor(services))) print(`export ${name}='${value}'`);
}

function printStatus(service: Service): void {
  const condition = service.condition();
  const pids = service.processes.map(({ pid }) => pid).join(", ");
  print(`${service.name.padEnd(8)}  ${condition.padEnd(7)}  ${service.endpoint}  (process ${pids})`);
  if (condition !== "ended") return;
  for (const ended of service.processes.filter((process) => conditionOf(process) === "ended")) {
    print(`  ${ended.name} has ended; ${logEnd(ended).replaceAll("\n", "\n    ")}`);
  }
  print(`  ${startHint} starts it again`);
}

function options(): Options {
  return program.opts<Options>();
}

function chosen(names: readonly ServiceName[]): readonly ServiceName[] {
  return names.length === 0 ? serviceNames : names;
}

function collect(name: string, before: readonly ServiceName[]): readonly ServiceName[] {
  const known = serviceNames.find((one) => one === name);
  if (known === undefined) throw new InvalidArgumentError(`expected ${named}.`);
  return [...before, known];
}

function port(text: string): number {
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number <= 65_526) return number;
  throw new InvalidArgumentError("expected a port from 0 to 65526.");
}

try {
  await program.parseAsync();
} catch (error) {
  say(messageOf(error));
  // At once: a client that found no server goes on trying for a minute.
  process.exit(error instanceof Misconfigured ? 2 : 1);
}
