/**
 * A table from fingerprints to leaf indices, in memory: about 12 bytes an identifier.
 * The log asks it which entries may be about an identifier, and so does whoever follows
 * one; the entries decide.
 *
 * It is 256 open-addressing tables side by side, chosen by the lowest byte of a
 * fingerprint; each holds the fingerprint's upper half and a leaf index, 8 bytes a
 * slot. So 40 bits of a fingerprint count: of 10 million identifiers a new one meets
 * another's 40 bits once in 100,000 times, and that costs reading one entry.
 *
 * A slot is sought from where the upper half, taken as a fraction, points to. So any
 * capacity will do: a shard grows by a quarter, which is cheap in memory, and each
 * starts with another capacity, so that they grow at different times and no batch
 * waits for all of them.
 *
 * @module
 */

const SHARDS = 256;
const SLOTS_AT_FIRST = 64;
/** A shard is at most so full, and grows by so much. */
const MAX_LOAD = 0.75;
const GROWTH = 1.25;
/** The index in a slot that is free: no leaf may have it. */
const FREE = -1;
/** How many fingerprints are worth sorting by shard before they are put in, and how many at once. */
const WORTH_SORTING = 4096;
const SORTED_AT_ONCE = 1 << 21;
const NONE: readonly number[] = [];

/** How many leaves a table can tell apart: the indices below 2^32 - 1. */
export const MAX_LEAVES = 0xffff_ffff;

/** The table; no fingerprint ever leaves it. */
export class FingerprintTable {
  readonly #shards: Shard[];

  /**
   * Makes an empty table.
   *
   * @param expected How many fingerprints it is made for; it grows beyond.
   */
  constructor(expected = 0) {
    const least = Math.max(SLOTS_AT_FIRST, expected / SHARDS / MAX_LOAD);
    this.#shards = Array.from(
      { length: SHARDS },
      (_, i) => new Shard(Math.ceil(least * GROWTH ** (i / SHARDS))),
    );
  }

  /** How many it holds. */
  get count(): number {
    return this.#shards.reduce((sum, { count }) => sum + count, 0);
  }

  /** How many bytes its slots take. */
  get bytes(): number {
    return this.#shards.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Puts in a fingerprint, also when there is an equal one. */
  insert(low: number, high: number, leafIndex: number): void {
    this.#shards[low & 0xff]!.insert(high | 0, checkLeaf(leafIndex) | 0);
  }

  /**
   * Puts in fingerprints of consecutive leaves, but for those that a caller does not want.
   * Many of them are first sorted by shard: a shard fits into a processor's cache, the
   * whole table does not, and that makes it two to three times as fast.
   *
   * @param fingerprints Lower and upper half of one after the other.
   * @param firstLeaf The leaf index of the first.
   * @param isWanted Whether the fingerprint with this lower half is put in.
   */
  insertAll(
    fingerprints: Uint32Array,
    firstLeaf: number,
    isWanted: (low: number) => boolean,
  ): void {
    const count = fingerprints.length / 2;
    if (count >= WORTH_SORTING) {
      for (let from = 0; from < count; from += SORTED_AT_ONCE) {
        const to = Math.min(count, from + SORTED_AT_ONCE);
        this.#insertSorted(fingerprints.subarray(2 * from, 2 * to), firstLeaf + from, isWanted);
      }
      return;
    }
    for (let i = 0; i < count; i++) {
      const low = fingerprints[2 * i]!;
      if (isWanted(low)) this.insert(low, fingerprints[2 * i + 1]!, firstLeaf + i);
    }
  }

  #insertSorted(
    fingerprints: Uint32Array,
    firstLeaf: number,
    isWanted: (low: number) => boolean,
  ): void {
    const count = fingerprints.length / 2;
    checkLeaf(firstLeaf + count - 1);
    // Where each shard's part starts; the places move on as the parts are filled.
    const places = new Uint32Array(SHARDS + 1);
    for (let i = 0; i < count; i++) {
      const low = fingerprints[2 * i]!;
      if (isWanted(low)) places[(low & 0xff) + 1]!++;
    }
    for (let shard = 0; shard < SHARDS; shard++) places[shard + 1]! += places[shard]!;
    const starts = places.slice();
    const sorted = new Int32Array(2 * count);
    for (let i = 0; i < count; i++) {
      const low = fingerprints[2 * i]!;
      if (!isWanted(low)) continue;
      const at = 2 * places[low & 0xff]!++;
      sorted[at] = fingerprints[2 * i + 1]!;
      sorted[at + 1] = firstLeaf + i;
    }
    this.#shards.forEach((shard, i) =>
      shard.insertAll(sorted.subarray(2 * starts[i]!, 2 * starts[i + 1]!))
    );
  }

  /** The leaf indices that a fingerprint may stand for, in no order: hardly ever more than one. */
  candidates(low: number, high: number): readonly number[] {
    return this.#shards[low & 0xff]!.find(high | 0);
  }
}

/** One open-addressing table with linear probing. */
class Shard {
  /** Upper half and leaf index, slot after slot, as int32: small integers are what V8 is quick at. */
  #slots: Int32Array;
  #count = 0;
  #room: number;

  constructor(capacity: number) {
    this.#slots = new Int32Array(2 * capacity).fill(FREE);
    this.#room = Math.floor(capacity * MAX_LOAD);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }

  insert(high: number, leaf: number): void {
    if (this.#count === this.#room) this.#grow(this.#count + 1);
    place(this.#slots, high, leaf);
    this.#count++;
  }

  insertAll(pairs: Int32Array): void {
    const count = this.#count + pairs.length / 2;
    if (count > this.#room) this.#grow(count);
    for (let i = 0; i < pairs.length; i += 2) place(this.#slots, pairs[i]!, pairs[i + 1]!);
    this.#count = count;
  }

  find(high: number): readonly number[] {
    const slots = this.#slots;
    let found = NONE;
    for (let at = home(slots, high); slots[at + 1] !== FREE; at = next(slots, at)) {
      // Two in one shard with one upper half are rare, and a fresh list is only made for one.
      if (slots[at] === high) found = [...found, slots[at + 1]! >>> 0];
    }
    return found;
  }

  #grow(count: number): void {
    const old = this.#slots;
    const capacity = Math.ceil(Math.max(old.length / 2, count / MAX_LOAD) * GROWTH);
    this.#slots = new Int32Array(2 * capacity).fill(FREE);
    this.#room = Math.floor(capacity * MAX_LOAD);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] !== FREE) place(this.#slots, old[i]!, old[i + 1]!);
    }
  }
}

function place(slots: Int32Array, high: number, leaf: number): void {
  let at = home(slots, high);
  while (slots[at + 1] !== FREE) at = next(slots, at);
  slots[at] = high;
  slots[at + 1] = leaf;
}

/** Where the search for an upper half starts. */
function home(slots: Int32Array, high: number): number {
  return 2 * Math.trunc((high >>> 0) * (slots.length / 2) / 2 ** 32);
}

function next(slots: Int32Array, at: number): number {
  return at + 2 === slots.length ? 0 : at + 2;
}

function checkLeaf(leafIndex: number): number {
  if (leafIndex < MAX_LEAVES) return leafIndex;
  throw new RangeError(`Cannot keep leaf ${leafIndex}: the table ends at ${MAX_LEAVES}`);
}
