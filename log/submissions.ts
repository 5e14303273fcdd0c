/**
 * Submissions: admitted entries on their way into the log. Their canonical bytes lie
 * in one slab, as entry bundles have them, from the request to the hash kernel and the
 * store: an object, a string and an array for each of 50,000 entries would cost more
 * than all that is done with them.
 *
 * @module
 */

import { type Entry, ENTRY_LENGTH_BYTES, type EntrySlab, parseEntry } from "@indelible/core";

const ENTRIES_AT_FIRST = 16;
const BYTES_AT_FIRST = 2048;

/** Entries in the order they came. */
export class Submissions {
  #bytes: Uint8Array<ArrayBuffer>;
  #offsets: Uint32Array<ArrayBuffer>;
  #count = 0;

  /**
   * Makes an empty list; it grows as needed.
   *
   * @param entries For how many entries to make room.
   * @param bytes For how many bytes of them.
   */
  constructor(entries = ENTRIES_AT_FIRST, bytes = BYTES_AT_FIRST) {
    this.#bytes = new Uint8Array(bytes + entries * ENTRY_LENGTH_BYTES);
    this.#offsets = new Uint32Array(entries + 1);
    this.#offsets[0] = ENTRY_LENGTH_BYTES;
  }

  /** How many entries there are. */
  get count(): number {
    return this.#count;
  }

  /** Where the entries lie, and beyond the last is room; another array whenever it grows. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** All of them, not copied. */
  get slab(): EntrySlab {
    return {
      bytes: this.#bytes.subarray(0, this.end(this.#count - 1)),
      offsets: this.#offsets.subarray(0, this.#count + 1),
    };
  }

  /** Where the i-th entry starts in `bytes`; at `count`, where the next one would. */
  start(i: number): number {
    return this.#offsets[i]!;
  }

  /** Where the i-th entry ends. */
  end(i: number): number {
    return this.#offsets[i + 1]! - ENTRY_LENGTH_BYTES;
  }

  /** The canonical bytes of the i-th entry, not copied. */
  entryBytes(i: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.start(i), this.end(i));
  }

  /** What the i-th entry says. */
  entry(i: number): Entry {
    return parseEntry(this.entryBytes(i));
  }

  /**
   * Makes room for one more entry, which may be written to `bytes` from
   * `start(count)` on and then be counted by {@linkcode Submissions.took}.
   *
   * @param length The most bytes that it may have.
   */
  makeRoom(length: number): void {
    const end = this.#offsets[this.#count]! + length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    if (this.#count + 1 === this.#offsets.length) {
      const grown = new Uint32Array(2 * this.#offsets.length);
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
  }

  /** Counts the entry that was written: so many bytes, at most 65,535. */
  took(length: number): void {
    const start = this.#offsets[this.#count]!;
    this.#bytes[start - 2] = length >> 8;
    this.#bytes[start - 1] = length;
    this.#offsets[++this.#count] = start + length + ENTRY_LENGTH_BYTES;
  }

  /** Adds an entry by its canonical bytes, which are copied: all of an array, or a part of it. */
  append(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.makeRoom(end - start);
    let at = this.#offsets[this.#count]!;
    for (let i = start; i < end; i++) this.#bytes[at++] = bytes[i]!;
    this.took(end - start);
  }

  /** Adds all entries of another list. */
  appendAll({ slab: { bytes, offsets }, count }: Submissions): void {
    this.makeRoom(bytes.length);
    const shift = this.#offsets[this.#count]! - ENTRY_LENGTH_BYTES;
    this.#bytes.set(bytes, shift);
    for (let i = 1; i <= count; i++) {
      this.makeRoom(0);
      this.#offsets[++this.#count] = offsets[i]! + shift;
    }
  }

  /** Forgets all of them, keeping the room. */
  clear(): void {
    this.#count = 0;
  }
}
