/** Reads the records of one partition in order, and tells a write that is not finished from damage. */

import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { hasCode, Misconfigured } from "../../core/errors.ts";
import { logBases, logFile } from "./journal-files.ts";
import {
  decodeBody,
  decodeHeader,
  headerBytes,
  type JournalRecord,
  type RecordHeader,
} from "./journal-record.ts";

/** Where a record begins: the log file by its first offset, the byte in it, and the record's own offset. */
export interface Place {
  readonly base: bigint;
  readonly position: number;
  readonly offset: bigint;
}

type Look =
  | { readonly kind: "record"; readonly header: RecordHeader; readonly record: JournalRecord | undefined }
  /** The file ends here. */
  | { readonly kind: "end" }
  /** The file ends inside of a record. */
  | { readonly kind: "cut" }
  /** Bytes that nobody wrote so; a torn write when nothing intact follows from `from` on. */
  | { readonly kind: "damaged"; readonly what: string; readonly from: number };

const windowBytes = 256 * 1024;
const confirmMs = 25;
/** Windows makes durable only through a handle that may write. */
const readFlags = process.platform === "win32" ? "r+" : "r";

export class LogCursor {
  readonly #directory: string;
  #place: Place;
  #file: FileHandle | undefined;
  #buffer: Buffer | undefined;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;

  constructor(directory: string, place: Place) {
    this.#directory = directory;
    this.#place = place;
  }

  /** Where the next record is, or will be. */
  get place(): Place {
    return this.#place;
  }

  /** The next record's header when the whole record is there. @throws Misconfigured when the log is damaged here. */
  async peek(): Promise<RecordHeader | undefined> {
    const look = await this.#settle(false);
    return look?.header;
  }

  /** The next record, and steps behind it; undefined when there is none yet. @throws Misconfigured as `peek`. */
  async take(): Promise<JournalRecord | undefined> {
    const look = await this.#settle(true);
    if (look?.record === undefined) return undefined;
    this.skip(look.header);
    return look.record;
  }

  /** Steps behind the record that `peek` has found, without reading it. */
  skip(header: RecordHeader): void {
    const { base, position, offset } = this.#place;
    this.#place = { base, position: position + headerBytes + header.bodyBytes, offset: offset + 1n };
  }

  /** Makes what was read so far durable: a commit must never be ahead of its log after a power failure. */
  async sync(): Promise<void> {
    await this.#file?.datasync();
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #settle(withBody: boolean): Promise<(Look & { kind: "record" }) | undefined> {
    const first = await this.#look(withBody);
    if (first.kind === "record") return first;
    // What was seen may be the middle of a write or of a repair: look anew before any verdict. And ask for a later file
    // before looking, since a writer finishes one file before it begins the next.
    const later = (await logBases(this.#directory)).find((base) => base > this.#place.base);
    if (first.kind === "damaged") await pause(confirmMs);
    this.#window = Buffer.alloc(0);
    const look = await this.#look(withBody);
    if (look.kind === "record") return look;
    if (look.kind === "end" && later === this.#place.offset) {
      await this.close();
      this.#place = { base: later, position: 0, offset: later };
      return this.#settle(withBody);
    }
    if (later !== undefined) {
      throw this.#broken(whatOf(look), { base: later, position: 0, offset: later });
    }
    if (look.kind === "damaged") {
      const intact = await this.#intactAfter(look.from);
      if (intact !== undefined) throw this.#broken(look.what, intact);
    }
    this.#window = Buffer.alloc(0);
    return undefined;
  }

  async #look(withBody: boolean): Promise<Look> {
    const { position, offset } = this.#place;
    const head = await this.#bytes(position, headerBytes);
    if (head.length === 0) return { kind: "end" };
    if (head.length < headerBytes) return { kind: "cut" };
    const header = decodeHeader(head);
    if (header === undefined)
      return { kind: "damaged", what: "its header fails its check", from: position + 1 };
    if (header.offset !== offset) {
      return { kind: "damaged", what: `there is one of offset ${header.offset}`, from: position };
    }
    const end = position + headerBytes + header.bodyBytes;
    if (!withBody) {
      const whole = end <= this.#windowAt + this.#window.length || end <= (await this.#size());
      return whole ? { kind: "record", header, record: undefined } : { kind: "cut" };
    }
    const body = await this.#bytes(position + headerBytes, header.bodyBytes);
    if (body.length < header.bodyBytes) return { kind: "cut" };
    // A copy where the bytes lie in the window: a message must not hold more memory than it is counted with.
    const record = decodeBody(header, body.buffer === this.#window.buffer ? Buffer.from(body) : body);
    if (record === undefined) return { kind: "damaged", what: "its CRC-32 is wrong", from: end };
    return { kind: "record", header, record };
  }

  /** Bytes of the file from a position on: as many as asked for, or fewer at its end. */
  async #bytes(position: number, length: number): Promise<Buffer> {
    const start = position - this.#windowAt;
    if (start >= 0 && start + length <= this.#window.length)
      return this.#window.subarray(start, start + length);
    if (length > windowBytes) return this.#read(Buffer.allocUnsafeSlow(length), position);
    this.#buffer ??= Buffer.allocUnsafeSlow(windowBytes);
    this.#window = await this.#read(this.#buffer, position);
    this.#windowAt = position;
    return this.#window.subarray(0, length);
  }

  async #read(into: Buffer, position: number): Promise<Buffer> {
    const file = await this.#opened();
    if (file === undefined) return into.subarray(0, 0);
    const { bytesRead } = await file.read(into, 0, into.length, position);
    return into.subarray(0, bytesRead);
  }

  async #size(): Promise<number> {
    const file = await this.#opened();
    return file === undefined ? 0 : (await file.stat()).size;
  }

  async #opened(): Promise<FileHandle | undefined> {
    try {
      this.#file ??= await open(logFile(this.#directory, this.#place.base), readFlags);
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
    return this.#file;
  }

  /** The next record that begins at or behind `from`: when there is one, what stands before it was once whole. */
  async #intactAfter(from: number): Promise<Place | undefined> {
    const { base, offset } = this.#place;
    const high = Number(offset >> 32n);
    const chunk = Buffer.allocUnsafeSlow(1024 * 1024);
    for (let start = from; ; start += chunk.length - headerBytes + 1) {
      const bytes = await this.#read(chunk, start);
      for (let at = 0; at + headerBytes <= bytes.length; at += 1) {
        // Most bytes are told apart by the offset's upper half, far more cheaply than by a CRC.
        if (bytes.readUInt32BE(at + 8) !== high && start + at > from) continue;
        const header = decodeHeader(bytes, at);
        if (header !== undefined) return { base, position: start + at, offset: header.offset };
      }
      if (bytes.length < chunk.length) return undefined;
    }
  }

  #broken(what: string, next: Place): Misconfigured {
    const { base, position, offset } = this.#place;
    const commit = JSON.stringify({
      offset: `${next.offset}`,
      base: `${next.base}`,
      position: next.position,
    });
    return new Misconfigured([
      `${logFile(this.#directory, base)} is damaged at byte ${position}: a whole record of offset ${offset} is expected, ` +
        `but ${what}, and an intact one of offset ${next.offset} follows. Restore the file from a copy; or, to go on ` +
        `without what is damaged, make ${commit} the group's commit for this partition.`,
    ]);
  }
}

function whatOf(look: Exclude<Look, { kind: "record" }>): string {
  switch (look.kind) {
    case "end":
      return "the file ends";
    case "cut":
      return "the file ends inside of it";
    case "damaged":
      return look.what;
  }
}
