import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  bodyBytesOf,
  decodeBody,
  decodeHeader,
  encodeRecord,
  headerBytes,
  type JournalRecord,
} from "../../../loaders/stream/journal-record.ts";

const bytes = fc.uint8Array({ maxLength: 60 });
const records: fc.Arbitrary<JournalRecord> = fc.record({
  offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  timestampMs: fc.integer({ min: -8.64e15, max: 8.64e15 }),
  key: fc.option(bytes),
  headers: fc.dictionary(fc.oneof(fc.string({ unit: "grapheme" }), fc.constant("__proto__")), bytes),
  value: bytes,
});

function encoded(record: JournalRecord): Buffer {
  return Buffer.concat(encodeRecord(record));
}

function decoded(frame: Buffer): JournalRecord | undefined {
  const header = decodeHeader(frame);
  return header && decodeBody(header, frame.subarray(headerBytes, headerBytes + header.bodyBytes));
}

function plain(record: JournalRecord | undefined): unknown {
  if (record === undefined) return undefined;
  const headers = Object.entries(record.headers).map(([name, value]) => [name, [...value]]);
  return { ...record, key: record.key && [...record.key], headers, value: [...record.value] };
}

describe("a journal record", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(records, (record) => {
        const frame = encoded(record);
        expect(plain(decoded(frame))).toEqual(plain(record));
        expect(frame.length).toBe(headerBytes + bodyBytesOf(record));
      }),
      { numRuns: 200 },
    );
  });

  it("is not read when any bit of it is another, or its end is missing", () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.nat(7), (record, at, bit) => {
        const frame = encoded(record);
        const place = at % frame.length;
        expect(decoded(frame.subarray(0, place))).toBeUndefined();
        frame.writeUInt8(frame.readUInt8(place) ^ (1 << bit), place);
        expect(decoded(frame)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it("is not seen in zeros or in other bytes", () => {
    expect(decodeHeader(Buffer.alloc(64))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => decoded(Buffer.from(noise)) === undefined),
    );
  });
});
