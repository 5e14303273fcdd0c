/**
 * Writes answers as bytes: thousands of receipts are put together from what is encoded
 * already, and none of it becomes a string first.
 *
 * @module
 */

import { utf8 } from "@indelible/core";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PADDING = 0x3d;
/** Two characters for every 12 bits. */
const PAIRS = utf8(
  Array.from(ALPHABET, (a) => Array.from(ALPHABET, (b) => a + b).join("")).join(""),
);
const ZERO = 0x30;
/** Fewer bytes are copied faster one by one. */
const FEW = 64;
const SMALL = 1e9;

/** The length of so many bytes in base64. */
export function base64Length(bytes: number): number {
  return 4 * Math.ceil(bytes / 3);
}

/**
 * Writes bytes in base64 (RFC 4648 §4).
 *
 * @param bytes Where they stand.
 * @param start The first.
 * @param end The one after the last.
 * @param into Where the characters go.
 * @param at The place of the first.
 * @returns The place after the last.
 */
export function putBase64(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
  at: number,
): number {
  const whole = end - (end - start) % 3;
  for (let i = start; i < whole; i += 3) {
    at = putTriple(bytes[i]!, bytes[i + 1]!, bytes[i + 2]!, into, at);
  }
  if (whole === end) return at;
  at = putTriple(bytes[whole]!, whole + 1 < end ? bytes[whole + 1]! : 0, 0, into, at);
  into[at - 1] = PADDING;
  if (whole + 1 === end) into[at - 2] = PADDING;
  return at;
}

function putTriple(a: number, b: number, c: number, into: Uint8Array, at: number): number {
  const high = a << 5 | b >> 4 << 1;
  const low = (b & 0x0f) << 9 | c << 1;
  into[at] = PAIRS[high]!;
  into[at + 1] = PAIRS[high + 1]!;
  into[at + 2] = PAIRS[low]!;
  into[at + 3] = PAIRS[low + 1]!;
  return at + 4;
}

/** Bytes one after the other, in memory that grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** @param room For how many bytes to make room at first. */
  constructor(room: number) {
    this.#bytes = new Uint8Array(room);
  }

  /** How many bytes are written. */
  get length(): number {
    return this.#length;
  }

  /** What is written; only until more is. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Takes back the last bytes. */
  back(count: number): void {
    this.#length -= count;
  }

  /** Begins anew in the same memory. */
  clear(): void {
    this.#length = 0;
  }

  /** Hands out what is written, and begins anew in other memory. */
  take(): Uint8Array<ArrayBuffer> {
    const { written } = this;
    this.#bytes = new Uint8Array(this.#bytes.length);
    this.#length = 0;
    return written;
  }

  /** Writes bytes, all of them or a part. */
  bytes(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const at = this.#room(end - start);
    const into = this.#bytes;
    if (end - start > FEW) into.set(bytes.subarray(start, end), at);
    else for (let i = start, to = at; i < end; i++) into[to++] = bytes[i]!;
  }

  /** Writes bytes in base64. */
  base64(bytes: Uint8Array): void {
    const at = this.#room(base64Length(bytes.length));
    putBase64(bytes, 0, bytes.length, this.#bytes, at);
  }

  /** Writes a whole number, not negative, in decimal. */
  decimal(number: number): void {
    if (number >= SMALL) return this.bytes(utf8(number.toString()));
    let digits = 1;
    for (let bound = 10; bound <= number; bound *= 10) digits++;
    let at = this.#room(digits) + digits;
    for (let rest = number | 0; digits > 0; digits--) {
      const tenth = rest / 10 | 0;
      this.#bytes[--at] = ZERO + rest - 10 * tenth;
      rest = tenth;
    }
  }

  /** Writes a value as JSON. */
  json(value: unknown): void {
    this.bytes(utf8(JSON.stringify(value)));
  }

  /** Makes room for so many bytes more, counts them, and gives the place of the first. */
  #room(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return at;
  }
}
