import { describe, expect, it } from "@jest/globals";
import { readConfig } from "../../core/config.ts";
import { Misconfigured } from "../../core/errors.ts";

describe("configuration", () => {
  it("has a default for everything", () => {
    expect(readConfig({})).toMatchObject({
      DARKROOM_IMAGES: { scheme: "folder", location: ".darkroom/images" },
      DARKROOM_WAREHOUSE: { scheme: "duckdb", location: ".darkroom/warehouse.duckdb" },
      DARKROOM_HOST: "127.0.0.1",
      DARKROOM_PORT: 8080,
    });
  });

  it("is frozen", () => {
    const config = readConfig({});
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.DARKROOM_IMAGES)).toBe(true);
  });

  it("reports every problem at once, each with its value and what is expected", () => {
    const read = () =>
      readConfig({
        DARKROOM_PORT: "http",
        DARKROOM_IMAGES: "s3://bucket",
        DARKROOM_PROT: "80",
        DARKROOM_DASHBOARD: "yes",
        DARKROOM_EVENTS: "folder:",
      });
    expect(read).toThrow(Misconfigured);
    try {
      read();
    } catch (error) {
      expect((error as Misconfigured).problems.toSorted()).toEqual([
        'DARKROOM_DASHBOARD is "yes": write on, off or auto',
        'DARKROOM_EVENTS is "folder:": write a path after the colon',
        'DARKROOM_IMAGES is "s3://bucket": write one of folder:…',
        'DARKROOM_PORT is "http": write a whole number from 0 to 65535',
        "DARKROOM_PROT is not a setting; did you mean DARKROOM_PORT?",
      ]);
    }
  });

  it("takes an empty variable as not given, and leaves other variables alone", () => {
    expect(readConfig({ DARKROOM_PORT: "", HOME: "/home/someone" }).DARKROOM_PORT).toBe(8080);
  });

  it.each(["-1", "1.5", "65536", "1e3", " 80"])("refuses %j as a port", (value) => {
    expect(() => readConfig({ DARKROOM_PORT: value })).toThrow("DARKROOM_PORT");
  });
});
