import { describe, expect, it } from "@jest/globals";
import { claimSources, isClaim, readClaim } from "../../../loaders/stream/claim.ts";

const bytes = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const uri = "gs://pictures/2026/a.jpg";
const digest = "ab".repeat(32);

describe("a claim", () => {
  it("is known by its content type, with parameters and in capitals too", () => {
    expect(isClaim("application/vnd.darkroom.claim+json")).toBe(true);
    expect(isClaim("Application/vnd.darkroom.Claim+JSON; charset=utf-8")).toBe(true);
    expect(isClaim("application/json")).toBe(false);
    expect(isClaim(undefined)).toBe(false);
  });

  it("is read with what it says and without what it does not", () => {
    const said = { uri, customer_id: "c1", file_name: "ä.jpg", content_type: "image/jpeg", size_bytes: 7 };
    expect(readClaim(bytes({ ...said, sha256: digest.toUpperCase(), other: 1 }))).toEqual({
      uri,
      customerId: "c1",
      fileName: "ä.jpg",
      contentType: "image/jpeg",
      sha256: digest,
      sizeBytes: 7,
    });
    expect(readClaim(bytes({ uri })).sizeBytes).toBeUndefined();
  });

  it.each([
    ["no JSON", "gs://pictures/a.jpg"],
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["no object", "[]"],
    ["no uri", {}],
    ["an empty uri", { uri: "" }],
    ["a uri without an end", { uri: `gs://pictures/${"a".repeat(5000)}` }],
    ["a uri that is a number", { uri: 7 }],
    ["a digest that is none", { uri, sha256: "abc" }],
    ["a size below one", { uri, size_bytes: 0 }],
    ["a size that is no whole number", { uri, size_bytes: 1.5 }],
    ["more than a claim needs", { uri, file_name: "a".repeat(70_000) }],
  ])("with %s is malformed", (_what, value) => {
    const read = () => readClaim(value instanceof Buffer ? value : bytes(value));
    expect(read).toThrow(expect.objectContaining({ reason: "claim_malformed" }));
  });

  it("is refused without telling what stands in it", () => {
    expect(() => readClaim(bytes({ uri, sha256: "secret words" }))).toThrow(
      /^the claim's sha256 is missing or/,
    );
  });
});

describe("sources of claims", () => {
  const { placeOf } = claimSources([
    "gs://pictures",
    "https://images.example",
    "https://images.example:8443",
    "https://other.example:443",
  ]);

  it.each([
    ["gs://pictures/a b/ü?x#y%20.jpg", { scheme: "gs", bucket: "pictures", key: "a b/ü?x#y%20.jpg" }],
    ["gs://pictures/../x", { scheme: "gs", bucket: "pictures", key: "../x" }],
  ])("allow %s", (text, place) => {
    expect(placeOf(text)).toEqual(place);
  });

  it.each([
    ["https://images.example/a.jpg?b=c", "https://images.example/a.jpg?b=c"],
    ["HTTPS://IMAGES.EXAMPLE:443/a.jpg", "https://images.example/a.jpg"],
    ["https://images.example:8443/a.jpg", "https://images.example:8443/a.jpg"],
    ["https://other.example/a.jpg", "https://other.example/a.jpg"],
  ])("allow %s", (text, href) => {
    expect(placeOf(text)).toMatchObject({ scheme: "https", url: { href } });
  });

  it.each([
    ["half a character", "gs://pictures/\ud800"],
    ["a dot", "gs://pictures/."],
    ["two dots", "gs://pictures/.."],
    ["more than 1,024 bytes", `gs://pictures/${"ü".repeat(513)}`],
  ])("refuse a key of %s", (_, text) => {
    expect(() => placeOf(text)).toThrow(expect.objectContaining({ reason: "claim_malformed" }));
  });

  it.each([
    ["another bucket", "gs://pictures2/a.jpg"],
    ["a bucket in capitals", "gs://Pictures/a.jpg"],
    ["another host", "https://evil.example/a.jpg"],
    ["a host below", "https://a.images.example/a.jpg"],
    ["a host that begins alike", "https://images.example.evil.example/a.jpg"],
    ["a host with a dot at its end", "https://images.example./a.jpg"],
    ["another port", "https://images.example:444/a.jpg"],
    ["the other port", "https://other.example:8443/a.jpg"],
    ["credentials", "https://user:word@images.example/a.jpg"],
    ["a name that looks like the host", "https://images.example@evil.example/a.jpg"],
    ["a backslash before the host", "https://evil.example\\@images.example/a.jpg"],
    ["plain HTTP", "http://images.example/a.jpg"],
    ["a file", "file:///etc/passwd"],
    ["data", "data:image/png;base64,AAAA"],
    ["FTP", "ftp://images.example/a.jpg"],
    ["loopback", "https://127.0.0.1/a.jpg"],
    ["loopback in decimal", "https://2130706433/a.jpg"],
    ["loopback in octal", "https://0177.0.0.1/a.jpg"],
    ["loopback in IPv6", "https://[::1]/a.jpg"],
  ])("do not allow %s: %s", (_what, text) => {
    expect(() => placeOf(text)).toThrow(expect.objectContaining({ reason: "claim_not_allowed" }));
  });

  it.each([
    "",
    "pictures/a.jpg",
    "gs://pictures",
    "gs://pictures/",
    "gs:pictures/a",
    "gs://pictures/a\nb",
    "https://",
    "https://a b/",
  ])("call %j malformed", (text) => {
    expect(() => placeOf(text)).toThrow(expect.objectContaining({ reason: "claim_malformed" }));
  });

  it("allow nothing when there are none", () => {
    expect(() => claimSources([]).placeOf(uri)).toThrow(
      expect.objectContaining({ reason: "claim_not_allowed" }),
    );
  });
});
