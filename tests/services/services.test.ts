import { existsSync } from "node:fs";
import { join } from "node:path";
import { BigQuery } from "@google-cloud/bigquery";
import { PubSub } from "@google-cloud/pubsub";
import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import { PassThroughClient } from "google-auth-library";
import { Kafka, logLevel } from "kafkajs";
import { readConfig } from "../../core/config.ts";
import { startFaultProxy } from "../../infra/services/fault-proxy.ts";
import { killProcess, type ServerProcess } from "../../infra/services/process.ts";
import { defaultNames, provision, pubsubOptions, settingsFor } from "../../infra/services/provision.ts";
import { startRecordingProxy } from "../../infra/services/recording-proxy.ts";
import { findServices, type Services, startServices } from "../../infra/services/services.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { describeWithPrograms } from "./servers.ts";

jest.setTimeout(120_000);

describeWithPrograms("real servers", ["kafka", "gcs", "pubsub", "bigquery"], () => {
  let folder: string;
  let services: Services;
  beforeAll(async () => {
    folder = join(await temporaryFolder(), "services");
    services = await startServices({ folder, ports: "free" });
    await provision(services);
  });
  afterAll(() => services?.stop({ purge: true }));

  const bucket = (name = defaultNames.images) =>
    new Storage({ projectId: "darkroom", apiEndpoint: services.of("gcs").endpoint }).bucket(name);
  const kafkaAdmin = () =>
    new Kafka({ brokers: [services.of("kafka").endpoint], logLevel: logLevel.NOTHING }).admin();
  const bigquery = () =>
    new BigQuery({
      projectId: "darkroom",
      apiEndpoint: services.of("bigquery").endpoint,
      authClient: new PassThroughClient(),
    });

  /** What the next notice of an arrival is about. */
  async function nextArrival(): Promise<string | undefined> {
    const client = new PubSub(pubsubOptions(services.of("pubsub").endpoint, "darkroom"));
    const subscription = client.subscription(defaultNames.worker);
    try {
      return await new Promise((resolve) => {
        subscription.on("message", (message) => {
          message.ack();
          resolve(message.attributes.objectId);
        });
      });
    } finally {
      await subscription.close();
      await client.close();
    }
  }

  it("are found by their state file, and are not started twice", async () => {
    const said: string[] = [];
    const again = await startServices({ folder, say: (line) => said.push(line) });
    const pids = (all: Services) =>
      all.all.flatMap(({ processes }) => processes.map(({ pid }) => pid)).sort();
    expect(said.filter((line) => /already running/.test(line))).toHaveLength(4);
    expect(pids(again)).toEqual(pids(services));
    expect(findServices({ folder })?.all.map((one) => one.condition())).toEqual(Array(4).fill("running"));
  });

  it("have settings that darkroom reads", () => {
    expect(Object.keys(settingsFor(services)).sort()).toEqual([
      "DARKROOM_ARRIVALS",
      "DARKROOM_EVENTS",
      "DARKROOM_IMAGES",
      "DARKROOM_STREAM",
      "DARKROOM_UPLOADS",
      "DARKROOM_WAREHOUSE",
    ]);
    expect(readConfig(settingsFor(services)).DARKROOM_IMAGES.scheme).toBe("gs");
  });

  it("are provided with everything once, however often it is asked for", async () => {
    await provision(services);
    const told = async (name: string) => {
      const [notifications] = await bucket(name).getNotifications();
      return notifications.map(({ metadata }) => metadata.object_name_prefix).sort();
    };
    expect(await told(defaultNames.images)).toEqual(["originals/", "rejected/"]);
    expect(await told(defaultNames.uploads)).toEqual(["incoming/"]);
  });

  it("tell of originals and not of renditions", async () => {
    await bucket().file("renditions/aa/1").save("not told");
    await bucket().file("originals/aa/1").save("told");
    expect(await nextArrival()).toBe("originals/aa/1");
  });

  it("freeze and go on", async () => {
    const gcs = services.of("gcs");
    await gcs.pause();
    expect(gcs.condition()).toBe("paused");
    const asked = () => fetch(`${gcs.endpoint}/_internal/healthcheck`, { signal: AbortSignal.timeout(300) });
    await expect(asked()).rejects.toMatchObject({ name: "TimeoutError" });
    await gcs.resume();
    expect((await asked()).status).toBe(200);
  });

  it("keep topics, objects and rows when they are killed, and come back where they were", async () => {
    await bigquery().createDataset("kept");
    await bigquery().query("create table kept.t as select 7 as n");
    const before = services.all.map(({ endpoint }) => endpoint);
    for (const name of ["kafka", "gcs", "bigquery"] as const) {
      await services.of(name).kill();
      expect(findServices({ folder })?.of(name).condition()).toBe("ended");
      await services.of(name).restart();
    }
    expect(services.all.map(({ endpoint }) => endpoint)).toEqual(before);
    expect((await bucket().file("originals/aa/1").download()).toString()).toBe("told");
    expect((await bigquery().query("select n from kept.t"))[0]).toEqual([{ n: 7 }]);
    const admin = kafkaAdmin();
    await admin.connect();
    expect((await admin.describeCluster()).clusterId).toBe(services.of("kafka").clusterId);
    expect(await admin.listTopics()).toContain(defaultNames.stream);
    await admin.disconnect();
  });

  it("can be put behind proxies, Kafka too", async () => {
    const { kafkaBehindProxy, kafkaProxy } = services.ports;
    const random = () => 0.5;
    const stream = await startFaultProxy({
      target: `127.0.0.1:${kafkaBehindProxy}`,
      port: kafkaProxy,
      random,
    });
    const storage = await startRecordingProxy({ target: services.of("gcs").endpoint });
    try {
      const kafka = new Kafka({
        brokers: [`127.0.0.1:${kafkaProxy}`],
        logLevel: logLevel.NOTHING,
        retry: { retries: 0 },
      });
      const producer = kafka.producer();
      await producer.connect();
      const messages = [{ value: "through the proxy" }];
      await producer.send({ topic: defaultNames.stream, messages });
      stream.setFault({ down: true });
      await expect(producer.send({ topic: defaultNames.stream, messages })).rejects.toThrow();
      await producer.disconnect();

      const images = new Storage({ projectId: "darkroom", apiEndpoint: storage.endpoint }).bucket(
        defaultNames.images,
      );
      await images.file("renditions/aa/2").save("in two requests", { resumable: true });
      expect(storage.requests.map(({ method, status }) => [method, status])).toEqual([
        ["POST", 200],
        ["PUT", 200],
      ]);
    } finally {
      await stream.close();
      await storage.close();
    }
  });

  it("are told again of new objects after they were killed and provided anew", async () => {
    await services.of("pubsub").kill();
    await services.of("pubsub").restart();
    await provision(services);
    await bucket().file("originals/aa/2").save("told too");
    expect(await nextArrival()).toBe("originals/aa/2");
  });

  it("are started again when half of one has ended, and the others are left alone", async () => {
    const [emulator, guard] = services.of("bigquery").processes;
    await killProcess(guard as ServerProcess);
    const said: string[] = [];
    services = await startServices({ folder, say: (line) => said.push(line) });
    expect(said.filter((line) => /already running/.test(line))).toHaveLength(3);
    expect(services.of("bigquery").processes.map(({ pid }) => pid)).not.toContain(emulator?.pid);
    expect((await bigquery().query("select 1 as n"))[0]).toEqual([{ n: 1 }]);
  });

  it("refuse other ports while they run", async () => {
    await expect(startServices({ folder, ports: 24_900 })).rejects.toThrow("stop them first");
  });

  it("are not started on ports that others have", async () => {
    const other = join(folder, "other");
    await expect(
      startServices({ folder: other, only: ["gcs"], ports: services.ports.gcs - 2 }),
    ).rejects.toThrow(`port ${services.ports.gcs} for Cloud Storage is taken`);
    expect(findServices({ folder: other })).toBeUndefined();
  });

  it("leave nothing behind", async () => {
    const all = services.all;
    await services.stop({ purge: true });
    expect(all.map((one) => one.condition())).toEqual(Array(4).fill("ended"));
    expect(existsSync(folder)).toBe(false);
  });
});
