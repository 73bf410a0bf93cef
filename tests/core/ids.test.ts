import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { folderImageId, rejectId, streamImageId, uploadImageId } from "../../core/ids.ts";
import { isImageId, originalKey } from "../../lake/layout.ts";

const position = { topic: "images", partition: 0, offset: 7n, timestamp: new Date(1000) };

describe("identities", () => {
  it("are the same for the same submission", () => {
    expect(uploadImageId("c1", "key")).toBe(uploadImageId("c1", "key"));
    expect(streamImageId(position)).toBe(streamImageId({ ...position }));
  });

  it("begin with the door and fit the layout", () => {
    const ids = [
      uploadImageId("c1", "key"),
      streamImageId(position),
      folderImageId("c1", Buffer.from("a/b.jpg"), "00"),
      rejectId(uploadImageId("c1", "key"), "00"),
    ];
    expect(ids.map((id) => id.charAt(0))).toEqual(["u", "s", "f", "u"]);
    for (const id of ids) {
      expect(isImageId(id)).toBe(true);
      expect(originalKey(id)).toBe(`originals/${id.slice(1, 3)}/${id}`);
    }
  });

  it("differ when the topic was made anew and counts from 0 again", () => {
    expect(streamImageId(position)).not.toBe(streamImageId({ ...position, timestamp: new Date(2000) }));
  });

  it("differ for different parts, however these run together", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (a, b, c, d) => {
        fc.pre(a !== c || b !== d);
        expect(uploadImageId(a, b)).not.toBe(uploadImageId(c, d));
      }),
    );
    expect(uploadImageId("a", "bc")).not.toBe(uploadImageId("ab", "c"));
  });
});
