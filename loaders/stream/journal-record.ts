/**
 * The bytes of one record in a journal's log file.
 *
 *     u32 length of the body | u32 CRC-32 of the body | u64 offset | u32 CRC-32 of these first 16 bytes
 *     body: i64 timestamp in ms | i32 key length, -1 for none | key
 *           u32 headers, each: u32 length, name, u32 length, value | the message's value, to the end
 *
 * All numbers are big-endian. The header has a check of its own because its length decides between two verdicts: a record
 * whose trusted length reaches beyond the file is a torn write, and one that ends inside it with a wrong CRC is damage.
 */

import { crc32 } from "node:zlib";
import type { MessageBytes } from "./new-message.ts";

export interface JournalRecord extends MessageBytes {
  readonly offset: bigint;
  readonly timestampMs: number;
}

export interface RecordHeader {
  readonly offset: bigint;
  readonly bodyBytes: number;
  readonly bodyCrc: number;
}

export const headerBytes = 20;

/** The record as buffers to be written one after the other; the value is not copied. */
export function encodeRecord(record: JournalRecord): readonly [Buffer, Uint8Array] {
  const fields = encodeFields(record);
  const bodyBytes = fields.length + record.value.length;
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt32BE(bodyBytes, 0);
  header.writeUInt32BE(crc32(record.value, crc32(fields)), 4);
  header.writeBigUInt64BE(record.offset, 8);
  header.writeUInt32BE(crc32(header.subarray(0, 16)), 16);
  return [Buffer.concat([header, fields]), record.value];
}

/** The header at `at`, or undefined when its own check fails or the bytes end before it does. */
export function decodeHeader(bytes: Buffer, at = 0): RecordHeader | undefined {
  if (bytes.length - at < headerBytes) return undefined;
  if (crc32(bytes.subarray(at, at + 16)) !== bytes.readUInt32BE(at + 16)) return undefined;
  return {
    bodyBytes: bytes.readUInt32BE(at),
    bodyCrc: bytes.readUInt32BE(at + 4),
    offset: bytes.readBigUInt64BE(at + 8),
  };
}

/** The record, whose parts are views into `body`; undefined when the body is not what was written. */
export function decodeBody(header: RecordHeader, body: Buffer): JournalRecord | undefined {
  if (body.length !== header.bodyBytes || crc32(body) !== header.bodyCrc) return undefined;
  let at = 12;
  const take = (length: number): Buffer => {
    at += length;
    return body.subarray(at - length, at);
  };
  const keyLength = body.readInt32BE(8);
  const key = keyLength < 0 ? null : take(keyLength);
  const count = take(4).readUInt32BE();
  const headers: [string, Uint8Array][] = [];
  for (let index = 0; index < count; index += 1) {
    const name = take(take(4).readUInt32BE()).toString("utf8");
    headers.push([name, take(take(4).readUInt32BE())]);
  }
  return {
    offset: header.offset,
    timestampMs: Number(body.readBigInt64BE(0)),
    key,
    headers: Object.fromEntries(headers),
    value: body.subarray(at),
  };
}

/** How many bytes the message takes in a body. */
export function bodyBytesOf(message: MessageBytes): number {
  const headers = Object.entries(message.headers);
  const named = headers.reduce((sum, [name, value]) => sum + 8 + Buffer.byteLength(name) + value.length, 0);
  return 16 + (message.key?.length ?? 0) + named + message.value.length;
}

function encodeFields(record: JournalRecord): Buffer {
  const start = Buffer.allocUnsafe(12);
  start.writeBigInt64BE(BigInt(record.timestampMs), 0);
  start.writeInt32BE(record.key === null ? -1 : record.key.length, 8);
  const headers = Object.entries(record.headers);
  const parts: Uint8Array[] = [start, record.key ?? new Uint8Array(0), uint32(headers.length)];
  for (const [name, value] of headers) {
    const text = Buffer.from(name, "utf8");
    parts.push(uint32(text.length), text, uint32(value.length), value);
  }
  return Buffer.concat(parts);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
