import { describe, expect, it } from "@jest/globals";
import { lookerUrl } from "../../dashboards/links/looker.ts";
import { report } from "../../dashboards/report.ts";

describe("the link to Looker Studio", () => {
  it("connects every view of the report", () => {
    const url = new URL(lookerUrl({ report, projectId: "my-project", billingProjectId: "my-billing" }));
    expect(url.origin + url.pathname).toBe("https://lookerstudio.google.com/reporting/create");
    expect(url.searchParams.get("c.mode")).toBe("edit");
    expect(url.searchParams.get("r.reportName")).toBe("Images by customer and type");
    const source = (name: string) => url.searchParams.get(`ds.images_by_type.${name}`);
    expect(source("connector")).toBe("bigQuery");
    expect(source("type")).toBe("TABLE");
    expect(source("projectId")).toBe("my-project");
    expect(source("datasetId")).toBe("reporting");
    expect(source("tableId")).toBe("rpt_images_by_type");
    expect(source("datasourceName")).toBe("Images by type and customer");
    expect(source("billingProjectId")).toBe("my-billing");
    expect([...url.searchParams.keys()]).toHaveLength(2 + 7 * report.sources.length);
  });

  it("bills the project of the views unless told otherwise", () => {
    const url = new URL(lookerUrl({ report, projectId: "my-project" }));
    expect(url.searchParams.get("ds.images_by_customer.billingProjectId")).toBe("my-project");
  });

  it("writes spaces so that every decoder reads them, and keeps what looks like markup", () => {
    const odd = { title: "a + b & c", sources: report.sources };
    const url = lookerUrl({ report: odd, projectId: "p" });
    expect(url).toContain("a%20%2B%20b%20%26%20c");
    expect(new URL(url).searchParams.get("r.reportName")).toBe("a + b & c");
  });

  it("uses aliases that may stand in a parameter's name", () => {
    for (const { alias } of report.sources) expect(alias).toMatch(/^\w+$/);
  });
});
