/**
 * Many entries in one piece of memory, each behind its length as in an entry bundle: a
 * stretch of it is an entry bundle as it stands, and the hash kernel reads it in place.
 * What takes in entries by the thousand writes them here once.
 *
 * @module
 */

import { MAX_ENTRY_SIZE } from "./entry_bundle.ts";

/** Bytes of the length before each entry. */
export const ENTRY_LENGTH_BYTES = 2;

/** Entries one after the other, each behind its length as a big-endian uint16. */
export interface EntrySlab {
  /** Lengths and entries, from the first length to the last entry's end. */
  readonly bytes: Uint8Array;
  /** Where each entry begins, behind its length, and where one after the last would. */
  readonly offsets: Uint32Array;
}

/** How many entries a slab holds. */
export function entryCount({ offsets }: EntrySlab): number {
  return offsets.length - 1;
}

/** The `i`-th entry, without copying. */
export function slabEntry({ bytes, offsets }: EntrySlab, i: number): Uint8Array {
  return bytes.subarray(offsets[i], offsets[i + 1]! - ENTRY_LENGTH_BYTES);
}

/** The entry bundle of the entries from one index to before another, without copying. */
export function slabBundle({ bytes, offsets }: EntrySlab, from: number, to: number): Uint8Array {
  return bytes.subarray(offsets[from]! - ENTRY_LENGTH_BYTES, offsets[to]! - ENTRY_LENGTH_BYTES);
}

/**
 * Copies entries into a slab.
 *
 * @throws {RangeError} If one is over 65,535 bytes.
 */
export function packEntries(entries: readonly Uint8Array[]): EntrySlab {
  const offsets = new Uint32Array(entries.length + 1);
  let start = ENTRY_LENGTH_BYTES;
  entries.forEach(({ length }, i) => {
    if (length > MAX_ENTRY_SIZE) {
      throw new RangeError(`Cannot pack entries: an entry has at most 65535 bytes, not ${length}`);
    }
    offsets[i] = start;
    start += length + ENTRY_LENGTH_BYTES;
  });
  offsets[entries.length] = start;
  const bytes = new Uint8Array(start - ENTRY_LENGTH_BYTES);
  entries.forEach((entry, i) => {
    const at = offsets[i]!;
    bytes[at - 2] = entry.length >> 8;
    bytes[at - 1] = entry.length;
    bytes.set(entry, at);
  });
  return { bytes, offsets };
}

/** An entry bundle, or the end of one, and how many entries it must hold. */
export interface CountedBundle {
  /** Its bytes. */
  readonly bytes: Uint8Array;
  /** How many entries they are. */
  readonly count: number;
}

/**
 * Joins entry bundles to one slab.
 *
 * @throws {SyntaxError} If one is truncated or holds fewer or more entries than it must.
 */
export function joinBundles(bundles: readonly CountedBundle[]): EntrySlab {
  const total = bundles.reduce((sum, { count }) => sum + count, 0);
  const bytes = new Uint8Array(bundles.reduce((sum, { bytes }) => sum + bytes.length, 0));
  const offsets = new Uint32Array(total + 1);
  let start = 0;
  let next = 0;
  for (const bundle of bundles) {
    bytes.set(bundle.bytes, start);
    const end = start + bundle.bytes.length;
    for (const last = next + bundle.count; next < last; next++) {
      const entry = start + ENTRY_LENGTH_BYTES;
      offsets[next] = entry;
      start = entry + (bytes[start]! << 8 | bytes[start + 1]!);
      if (entry > end || start > end) {
        throw new SyntaxError(`Cannot join entry bundles: entry ${next} is truncated`);
      }
    }
    if (start !== end) {
      throw new SyntaxError(
        `Cannot join entry bundles: expected ${bundle.count} entries, found more`,
      );
    }
  }
  offsets[total] = start + ENTRY_LENGTH_BYTES;
  return { bytes, offsets };
}
