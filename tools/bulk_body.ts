/**
 * The body of a bulk request while it is put together: JSON lines, one after the other
 * in one array.
 *
 * @module
 */

import { type JsonObject, parseJson, type Publisher, utf8 } from "@indelible/core";
import { asObject, text } from "./json_members.ts";

/** A file to append. */
export interface BulkLine {
  /** The identifier. */
  readonly filename: string;
  /** `sha256:<hex>`. */
  readonly checksum: string;
  /** What else it says of the file, as `/add` takes it. */
  readonly more?: JsonObject;
}

/** How each line begins: behind it, the file name in its quotes. */
const START = '{"filename":';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BYTES_AT_FIRST = 1 << 16;
const LINES_AT_FIRST = 1 << 10;

/** Lines for a log. */
export class BulkBody {
  #bytes: Uint8Array<ArrayBuffer>;
  /** Where each line starts; beyond the last, where the next one would. */
  #starts = new Uint32Array(LINES_AT_FIRST);
  #count = 0;

  /** @param room For how many bytes to make room at first. */
  constructor(room = BYTES_AT_FIRST) {
    this.#bytes = new Uint8Array(room);
  }

  /** How many lines there are. */
  get count(): number {
    return this.#count;
  }

  /** All lines, each with its newline. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.end);
  }

  /** Where the next line starts. */
  get end(): number {
    return this.#starts[this.#count]!;
  }

  /**
   * Makes room for one more line, which may be written from `end` on and then be
   * counted by {@linkcode BulkBody.took}.
   *
   * @param length The most bytes that it may have.
   * @returns Where to write; another array whenever it grows.
   */
  makeRoom(length: number): Uint8Array {
    if (this.end + length > this.#bytes.length) {
      const grown = new Uint8Array(2 * (this.end + length));
      grown.set(this.written);
      this.#bytes = grown;
    }
    if (this.#count + 1 === this.#starts.length) {
      const grown = new Uint32Array(2 * this.#starts.length);
      grown.set(this.#starts);
      this.#starts = grown;
    }
    return this.#bytes;
  }

  /** Counts the line that was written: it begins with {@linkcode LINE_START} and ends in a newline. */
  took(length: number): void {
    this.#starts[this.#count + 1] = this.end + length;
    this.#count++;
  }

  /**
   * Adds a line.
   *
   * @param line The file.
   * @param publisher Who published it, unless the line says so itself.
   */
  add({ filename, checksum, more }: BulkLine, publisher?: Publisher): void {
    const line = { filename, checksum, ...(publisher && { publisher }), ...more };
    const bytes = utf8(JSON.stringify(line) + "\n");
    this.makeRoom(bytes.length).set(bytes, this.end);
    this.took(bytes.length);
  }

  /** File name and checksum of the i-th line. */
  file(i: number): Pick<BulkLine, "filename" | "checksum"> {
    const line = asObject(parseJson(this.#line(i)), "a line");
    return { filename: text(line, "filename"), checksum: text(line, "checksum") };
  }

  /**
   * Whether the same file name stands in other bytes, spelled as in the i-th line.
   *
   * @param i Which line.
   * @param bytes The other bytes.
   * @param at Where its first quote is to be.
   * @returns Where it ends there, or -1: then it is another one, or has escapes.
   */
  matchFilename(i: number, bytes: Uint8Array, at: number): number {
    const own = this.#bytes;
    let from = this.#starts[i]! + START.length;
    if (own[from] !== QUOTE || bytes[at] !== QUOTE) return -1;
    for (;;) {
      const byte = own[++from];
      if (byte !== bytes[++at] || byte === BACKSLASH) return -1;
      if (byte === QUOTE) return at + 1;
    }
  }

  #line(i: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[i], this.#starts[i + 1]);
  }
}

/** See {@linkcode BulkBody.took}. */
export const LINE_START = utf8(START);
