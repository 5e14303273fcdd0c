/**
 * The postings of the newest leaves, in memory: those whose segment is not full yet.
 *
 * @module
 */

import {
  collectBackwards,
  type Fingerprint,
  lowerHalf,
  MAX_POSTINGS,
  MAX_SEGMENT_LEAVES,
  type Postings,
  upperBound,
} from "./postings.ts";

const FIRST_CAPACITY = 4096;

/** Postings of consecutive leaves; sorted when they are asked for. */
export class Tail {
  /** The first leaf. */
  readonly from: number;
  #to: number;
  #postings = new BigUint64Array(FIRST_CAPACITY);
  #words = new Uint32Array(this.#postings.buffer);
  #count = 0;
  #sorted = true;

  /** @param from The first leaf. */
  constructor(from: number) {
    this.from = this.#to = from;
  }

  /** The leaf after the last. */
  get to(): number {
    return this.#to;
  }

  /** Appends the entry of the next leaf. */
  append(postings: Postings, entry: Uint8Array): void {
    const leaf = this.#to - this.from;
    if (leaf >= MAX_SEGMENT_LEAVES) throw new RangeError("Cannot append: the tail is full");
    if (this.#count + MAX_POSTINGS > this.#postings.length) this.#grow();
    this.#count = postings.put(entry, leaf, this.#words, this.#count);
    this.#to++;
    this.#sorted = false;
  }

  /** All postings, sorted. They are this object's. */
  sorted(): BigUint64Array<ArrayBuffer> {
    const all = this.#postings.subarray(0, this.#count);
    if (!this.#sorted) all.sort();
    this.#sorted = true;
    return all;
  }

  /** The newest leaves below a leaf that have a fingerprint, newest first. */
  find(fingerprint: Fingerprint, before: number, limit: number): number[] {
    this.sorted();
    const below = Math.min(before, this.#to) - this.from;
    if (below <= 0) return [];
    const last = lowerHalf(fingerprint, below - 1);
    const place = upperBound(this.#words, this.#count, fingerprint.high, last);
    const found: number[] = [];
    collectBackwards(this.#words, place, fingerprint, limit, found);
    return found.map((leaf) => this.from + leaf);
  }

  #grow(): void {
    const grown = new BigUint64Array(2 * this.#postings.length);
    grown.set(this.#postings.subarray(0, this.#count));
    this.#postings = grown;
    this.#words = new Uint32Array(grown.buffer);
  }
}
