import { afterEach, describe, expect, it } from "@jest/globals";
import { type RecordingProxy, startRecordingProxy } from "../../infra/services/recording-proxy.ts";
import { httpServer } from "./http-servers.ts";

describe("a recording proxy", () => {
  let proxy: RecordingProxy;
  afterEach(() => proxy.close());

  it("records what was asked and answered, and passes both on", async () => {
    const target = await httpServer((request, body, response) => {
      response.writeHead(201);
      response.end(`${request.method} ${body}`);
    });
    proxy = await startRecordingProxy({ target });
    const answer = await fetch(`${proxy.endpoint}/b/x?fields=name`, {
      method: "PATCH",
      headers: { "content-type": "application/json", "if-match": "7" },
      body: '{"eventBasedHold":true}',
    });
    expect([answer.status, await answer.text()]).toEqual([201, 'PATCH {"eventBasedHold":true}']);
    expect(proxy.requests).toMatchObject([
      {
        method: "PATCH",
        url: "/b/x?fields=name",
        headers: { "if-match": "7" },
        json: { eventBasedHold: true },
        status: 201,
      },
    ]);
  });

  it("reads the metadata of a multipart upload", async () => {
    const target = await httpServer((_request, _body, response) => void response.end());
    proxy = await startRecordingProxy({ target });
    const body = ["--b", "content-type: application/json", "", '{"name":"a"}', "--b", "", "bytes", "--b--"];
    await fetch(`${proxy.endpoint}/upload`, {
      method: "POST",
      headers: { "content-type": "multipart/related; boundary=b" },
      body: body.join("\r\n"),
    });
    expect(proxy.requests[0]?.json).toEqual({ name: "a" });
  });

  it("forgets", async () => {
    const target = await httpServer((_request, _body, response) => void response.end());
    proxy = await startRecordingProxy({ target });
    await fetch(proxy.endpoint);
    proxy.clear();
    await fetch(`${proxy.endpoint}/second`);
    expect(proxy.requests.map(({ url, json }) => [url, json])).toEqual([["/second", undefined]]);
  });
});
