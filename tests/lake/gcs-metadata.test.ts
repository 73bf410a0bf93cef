import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { decodeMetadata, encodeMetadata } from "../../lake/gcs-metadata.ts";

describe("metadata on Cloud Storage", () => {
  it("stays readable where it can", () => {
    expect(encodeMetadata({ file_name: "Grüße 1.jpg", n: "a=b" }, "w")).toEqual({
      file_name: "Grüße 1.jpg",
      n: "a=b",
      "darkroom-write": "w",
    });
  });

  it("escapes what a header, a JSON reader or a proxy would change", () => {
    const metadata = { a: "x\u0000\r\n\u007f", b: " 100% ", c: "", d: "\ud83d", "darkroom-write": "mine" };
    expect(encodeMetadata(metadata, "w")).toEqual({
      a: "x%00%0D%0A%7F",
      b: "%20100%25%20",
      c: "%",
      d: "%uD83D",
      "%64arkroom-write": "mine",
      "darkroom-write": "w",
    });
    expect(decodeMetadata(encodeMetadata(metadata, "w"))).toEqual(metadata);
  });

  it("gives back any text under any name, in no more than six times the room", () => {
    const text = fc.string({ unit: "binary", maxLength: 20 });
    const anyText = fc.oneof(
      text,
      fc.string({ maxLength: 20 }),
      fc.constantFrom("%", "%41", "%uD800", "\udfff%u"),
    );
    const names = anyText.filter((name) => name !== "__proto__");
    fc.assert(
      fc.property(fc.dictionary(names, anyText, { maxKeys: 5 }), (metadata) => {
        const sent = JSON.parse(JSON.stringify(encodeMetadata(metadata, "w")));
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be sent.
        expect(Object.entries(sent).flat().join("")).not.toMatch(/[\u0000-\u001f\u007f]|\p{Surrogate}/u);
        expect(decodeMetadata(sent)).toEqual({ ...metadata });
      }),
      { numRuns: 300 },
    );
  });

  it("refuses more than the service takes, counted in bytes", () => {
    const most = 8192 - "name".length - "darkroom-write".length - "w".length;
    expect(() => encodeMetadata({ name: "x".repeat(most) }, "w")).not.toThrow();
    expect(() => encodeMetadata({ name: "ü".repeat(most / 2 + 1) }, "w")).toThrow(
      expect.objectContaining({ name: "Refused", reason: "metadata_too_large" }),
    );
  });
});
