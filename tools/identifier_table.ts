/**
 * Finds the entries of a log that are about an identifier which an earlier entry has
 * published, as far as fingerprints tell. Threads divide the identifiers among themselves,
 * each takes one part.
 *
 * A table of all identifiers would miss the processor's cache with each entry. So they are
 * sorted into buckets first, by some bits of their fingerprints, and each bucket has a
 * table of its own, which fits.
 *
 * @module
 */

import { LATER_EVENT, PRESENT, WORDS } from "./fsck_entries.ts";

/** What a part of the identifiers has; leaf indices in no order. */
export interface Repeats {
  /** How many publications have a fingerprint that no earlier publication has. */
  readonly firsts: number;
  /** Pairs: a first publication, and a later entry of the same fingerprint. */
  readonly pairs: Uint32Array<ArrayBuffer>;
  /** Later events with the fingerprint of no earlier publication. */
  readonly orphans: Uint32Array<ArrayBuffer>;
}

/** A bucket is the highest bits of the second word. */
const BUCKETS = 1 << 12;
const BUCKET_SHIFT = 32 - 12;

/**
 * Goes through a part of the entries.
 *
 * @param words The fingerprints of all, as `EntryFingerprints` has them.
 * @param part Which part of the identifiers, from 0.
 * @param parts How many parts there are.
 */
export function findRepeats(words: Uint32Array, part: number, parts: number): Repeats {
  const pairs = new IndexList();
  const orphans = new IndexList();
  const { keys, ends } = sortIntoBuckets(words, part, parts);
  const largest = ends.reduce((most, end, i) => Math.max(most, end - (ends[i - 1] ?? 0)), 0);
  const table = new Uint32Array(capacityFor(largest));
  let firsts = 0;
  let start = 0;
  for (const end of ends) {
    if (start === end) continue;
    // Places in the bucket, counted from 1; a free slot is 0.
    const mask = capacityFor(end - start) - 1;
    table.fill(0, 0, mask + 1);
    for (let at = start; at < end; at++) {
      const word = keys[2 * at]!;
      const leafIndex = keys[2 * at + 1]!;
      for (let slot = word >>> 1 & mask;; slot = slot + 1 & mask) {
        const place = table[slot]!;
        if (place === 0) {
          if ((word & LATER_EVENT) !== 0) orphans.push(leafIndex);
          else {
            table[slot] = at - start + 1;
            firsts++;
          }
          break;
        }
        const earlier = start + place - 1;
        if ((keys[2 * earlier]! ^ word) >>> 1 !== 0) continue;
        const first = keys[2 * earlier + 1]!;
        if (words[WORDS * first + 1] !== words[WORDS * leafIndex + 1]) continue;
        pairs.push(first);
        pairs.push(leafIndex);
        break;
      }
    }
    start = end;
  }
  return { firsts, pairs: pairs.take(), orphans: orphans.take() };
}

/** After so many slices a thread rehearses. */
export const SLICES_BEFORE_REHEARSAL = 4;
const REHEARSED_ENTRIES = 1 << 15;

/**
 * Goes through some entries for nothing, so that the code is compiled while slices are
 * checked. In the end everything would wait for it, longer than half a million entries take.
 *
 * @param words The fingerprints of all entries, as far as they are known.
 */
export function rehearse(words: Uint32Array): void {
  const some = words.subarray(0, WORDS * REHEARSED_ENTRIES);
  for (let times = 0; times < 2; times++) findRepeats(some, 0, 1);
}

/**
 * The entries of a part by bucket, and where each bucket ends: the first word and the leaf
 * index of each, in a bucket in the log's order.
 */
function sortIntoBuckets(
  words: Uint32Array,
  part: number,
  parts: number,
): { keys: Uint32Array; ends: Uint32Array } {
  const ends = new Uint32Array(BUCKETS);
  for (let at = 1; at < words.length; at += WORDS) {
    const word = words[at]!;
    if ((word & PRESENT) !== 0) ends[word >>> BUCKET_SHIFT]!++;
  }
  // Where the next entry of each bucket goes: at its start first, at its end when all are in.
  let count = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const own = bucket % parts === part ? ends[bucket]! : 0;
    ends[bucket] = count;
    count += own;
  }
  const keys = new Uint32Array(2 * count);
  for (let at = 0; at < words.length; at += WORDS) {
    const word = words[at + 1]!;
    const bucket = word >>> BUCKET_SHIFT;
    if ((word & PRESENT) === 0 || bucket % parts !== part) continue;
    const to = 2 * ends[bucket]!++;
    keys[to] = words[at]!;
    keys[to + 1] = at / WORDS;
  }
  return { keys, ends };
}

/** A power of two that leaves a third of the slots free. */
function capacityFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, 1.5 * count)));
}

/** Leaf indices, any number of them. */
class IndexList {
  #indices = new Uint32Array(64);
  #length = 0;

  push(leafIndex: number): void {
    if (this.#length === this.#indices.length) {
      const longer = new Uint32Array(2 * this.#length);
      longer.set(this.#indices);
      this.#indices = longer;
    }
    this.#indices[this.#length++] = leafIndex;
  }

  take(): Uint32Array<ArrayBuffer> {
    return this.#indices.slice(0, this.#length);
  }
}
