import { describe, expect, it } from "@jest/globals";
import { readConfig, settingTexts } from "../../core/config.ts";
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
        'DARKROOM_EVENTS is "folder:": write a place after the colon',
        'DARKROOM_IMAGES is "s3://bucket": write one of folder:…, gs://BUCKET',
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

  it("reads the address of a service: where, and its parameters", () => {
    const config = readConfig({
      DARKROOM_IMAGES: "gs://darkroom-images?endpoint=http://127.0.0.1:4443",
      DARKROOM_EVENTS: "gs://darkroom-events",
      DARKROOM_ARRIVALS: "pubsub://project-1/worker?deadLetters=worker-dead",
      DARKROOM_STREAM: "kafka://a.example:9092,b.example:9092/images?group=darkroom",
      DARKROOM_WAREHOUSE: "bigquery://project-1?location=EU",
      DARKROOM_CLAIM_SOURCES: "gs://partner, https://cdn.example",
    });
    expect(config.DARKROOM_IMAGES).toEqual({
      scheme: "gs",
      location: "darkroom-images",
      parameters: { endpoint: "http://127.0.0.1:4443" },
    });
    expect(config.DARKROOM_STREAM).toEqual({
      scheme: "kafka",
      location: "a.example:9092,b.example:9092/images",
      parameters: { group: "darkroom" },
    });
    expect(config.DARKROOM_CLAIM_SOURCES).toEqual(["gs://partner", "https://cdn.example"]);
    expect(settingTexts(config)).toMatchObject({
      DARKROOM_IMAGES: "gs://darkroom-images?endpoint=http://127.0.0.1:4443",
      DARKROOM_EVENTS: "gs://darkroom-events",
      DARKROOM_PROCESSOR: "sharp:",
      DARKROOM_UPLOADS: "",
    });
  });

  it.each([
    [{ DARKROOM_IMAGES: "gs:bucket" }, "gs://BUCKET"],
    [{ DARKROOM_IMAGES: "gs://bucket?region=eu" }, "region is no parameter"],
    [{ DARKROOM_STREAM: "kafka://broker/images" }, "kafka://HOST:PORT"],
    [{ DARKROOM_ARRIVALS: "pubsub://project" }, "pubsub://PROJECT/SUBSCRIPTION"],
    [{ DARKROOM_CLAIM_SOURCES: "http://cdn.example" }, "https://HOST"],
    [{ DARKROOM_IMAGES: "gs://images" }, "DARKROOM_ARRIVALS is not set"],
    [{ DARKROOM_EVENTS: "gs://events" }, "DuckDB loads from a folder"],
    [{ DARKROOM_WAREHOUSE: "bigquery://project-1" }, "BigQuery loads from a bucket"],
    [{ DARKROOM_KAFKA_SASL: "plain" }, "DARKROOM_KAFKA_PASSWORD"],
  ])("refuses %j and says what to write", (environment, expected) => {
    expect(() => readConfig(environment)).toThrow(expected);
  });

  it("does not tell secrets", () => {
    const config = readConfig({ DARKROOM_KAFKA_PASSWORD: "geheim" });
    expect(settingTexts(config).DARKROOM_KAFKA_PASSWORD).toBe("(set)");
    expect(() => readConfig({ DARKROOM_KAFKA_PASSWORD: "geheim", DARKROOM_PORT: "x" })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("geheim") }),
    );
  });
});
