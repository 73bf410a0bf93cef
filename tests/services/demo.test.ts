/** The whole way on real servers: the same demo gives the same numbers as on the embedded default, by our runner and by Dataform's. */

import { expect, it } from "@jest/globals";
import { namesWith, provision, settingsFor } from "../../infra/services/provision.ts";
import { serviceNames } from "../../infra/services/service.ts";
import { newHome } from "../e2e/darkroom.ts";
import { dataform, projectFolder } from "./dataform.ts";
import { uniqueSuffix } from "./names.ts";
import { describeWithServices } from "./servers.ts";

const demo = ["demo", "--once", "--images", "80", "--json"];

/** The table of customers and types, as it is printed for people. */
function tableOf(text: string): readonly string[] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => /^customer +type/.test(line));
  return lines.slice(start, lines.indexOf("", start));
}

describeWithServices("the demo on real servers", serviceNames, (services) => {
  it("gives the numbers of the embedded default, and Dataform's own runner the same tables", async () => {
    const names = namesWith(uniqueSuffix("demo"));
    await provision(services, names);
    const settings = settingsFor(services, names);
    const cloud = await newHome(settings);
    const onServers = await cloud.run(...demo);
    const embedded = await (await newHome()).run(...demo);

    expect([embedded.code, onServers.code]).toEqual([0, 0]);
    expect(tableOf(embedded.error).length).toBeGreaterThan(10);
    expect(tableOf(onServers.error)).toEqual(tableOf(embedded.error));
    expect(onServers.json).toEqual(embedded.json);

    const images = () =>
      cloud.run("query", "select * from marts.fct_images order by image_id, received_at", "--json");
    const before = await images();
    const run = await dataform(services, "run", projectFolder, { database: names.project });
    expect(run.text).not.toContain("failed");
    expect(run.code).toBe(0);
    const after = await images();
    expect(Array.from(before.json?.rows as readonly unknown[]).length).toBeGreaterThan(60);
    expect(after.json).toEqual(before.json);
  }, 240_000);
});
