/**
 * Checks slices, on one thread: the leaf hashes and the roots above them are derived from
 * the entries by the hash kernel; where they are those of the tiles, the entries are
 * looked at. What is wrong with the rest is found out elsewhere: damage is rare.
 *
 * @module
 */

import { ENTRY_LENGTH_BYTES, type FingerprintSeed, HASH_SIZE, TILE_WIDTH } from "@indelible/core";
import {
  type EntryScanner,
  instantiateEntryScanner,
  instantiateKernel,
  KERNEL_RESERVED_BYTES,
  SCAN_MARGIN,
  SCRATCH_BYTES,
} from "@indelible/core/kernel";
import { type EntriesSeen, WORDS } from "./fsck_entries.ts";
import { bundlesOf, type Slice, SLICE_BUNDLES, TILE_BYTES, tilesOf } from "./fsck_slice.ts";

/** What became of the bundles of a slice. */
export interface SliceVerdict {
  /** The root that each bundle's entries have, one after the other; nothing where it is wrong. */
  readonly roots: Uint8Array;
  /** The places of bundles that are malformed, or whose tile has other hashes. */
  readonly wrong: readonly number[];
}

/** What came of a slice for `fsck`. */
export type CheckedSlice = SliceVerdict & EntriesSeen;

/** Looks at the entries of bundles that are right, in their order. */
export interface EntryLooker<Seen> {
  /** The key of the fingerprints. */
  readonly seed: FingerprintSeed;
  /**
   * Looks at an entry of any kind.
   *
   * @param bytes Where it stands.
   * @param start Its first byte.
   * @param end The one after its last.
   * @param leafIndex Its leaf index.
   */
  see(bytes: Uint8Array, start: number, end: number, leafIndex: number): void;
  /** Looks at a plain publication in PyPI's form, whose fingerprint's halves are known. */
  seen(
    low: number,
    high: number,
    leafIndex: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void;
  /** What was found since this was last asked. */
  take(): Seen;
}

// The kernel's memory: fixed places first, then the bundles, which may be any size.
const ENTRIES = SLICE_BUNDLES * TILE_WIDTH;
const LEAVES_AT = KERNEL_RESERVED_BYTES + SCRATCH_BYTES;
const NODES_AT = LEAVES_AT + ENTRIES * HASH_SIZE;
const OFFSETS_AT = NODES_AT + ENTRIES / 2 * HASH_SIZE;
const FINGERPRINTS_AT = OFFSETS_AT + (ENTRIES + 4) * Uint32Array.BYTES_PER_ELEMENT;
const KNOWN_AT = FINGERPRINTS_AT + ENTRIES * WORDS * Uint32Array.BYTES_PER_ELEMENT;
const BYTES_AT = KNOWN_AT + ENTRIES;
const PAGE = 1 << 16;
/** A slice has at most 16 × 256 entries of 65,535 bytes. */
const MAX_PAGES = Math.ceil((BYTES_AT + ENTRIES * 0x10001) / PAGE);
const FIRST_PAGES = 32;

/** Checks slices. */
export class SliceCheck<Seen extends object> {
  readonly #entries: EntryLooker<Seen>;
  readonly #memory = new WebAssembly.Memory({
    initial: FIRST_PAGES,
    maximum: MAX_PAGES,
    shared: true,
  });
  readonly #kernel = instantiateKernel(this.#memory, KERNEL_RESERVED_BYTES);
  readonly #scanner: EntryScanner;
  readonly #offsets = new Uint32Array(this.#memory.buffer, OFFSETS_AT, ENTRIES + 1);
  readonly #leaves = new Int32Array(this.#memory.buffer, LEAVES_AT, ENTRIES * HASH_SIZE / 4);
  readonly #fingerprints = new Uint32Array(this.#memory.buffer, FINGERPRINTS_AT, ENTRIES * WORDS);
  readonly #known = new Uint8Array(this.#memory.buffer, KNOWN_AT, ENTRIES);
  #bytes = new Uint8Array(this.#memory.buffer, BYTES_AT);

  /** @param entries What looks at the entries. */
  constructor(entries: EntryLooker<Seen>) {
    this.#entries = entries;
    this.#scanner = instantiateEntryScanner(this.#memory, entries.seed);
  }

  /** Checks a slice. */
  check(slice: Slice): SliceVerdict & Seen {
    const { first, ends } = slice;
    const tiles = tilesOf(slice);
    const bundles = bundlesOf(slice);
    const whole = this.#rootsOf(first, bundles, ends, tiles);
    if (whole) return { roots: whole, wrong: [], ...this.#entries.take() };
    // Something in it is wrong: each bundle by itself.
    const roots = new Uint8Array(ends.length * HASH_SIZE);
    const wrong: number[] = [];
    for (const [place, end] of ends.entries()) {
      const start = ends[place - 1] ?? 0;
      const bundle = bundles.subarray(start, end);
      const tile = tiles.subarray(place * TILE_BYTES, (place + 1) * TILE_BYTES);
      const root = this.#rootsOf(first + place, bundle, [end - start], tile);
      if (root) roots.set(root, place * HASH_SIZE);
      else wrong.push(place);
    }
    return { roots, wrong, ...this.#entries.take() };
  }

  /** The roots of consecutive bundles whose tiles have their hashes, else `null`. */
  #rootsOf(
    first: number,
    bundles: Uint8Array,
    ends: readonly number[],
    tiles: Uint8Array,
  ): Uint8Array | null {
    this.#place(bundles);
    const count = ends.length * TILE_WIDTH;
    if (!this.#findEntries(ends)) return null;
    this.#kernel.hashLeaves(BYTES_AT, OFFSETS_AT, LEAVES_AT, count, ENTRY_LENGTH_BYTES);
    if (!this.#areLeaves(tiles)) return null;
    this.#lookAt(first * TILE_WIDTH, count);
    let nodes = count / 2;
    this.#kernel.hashNodes(LEAVES_AT, NODES_AT, nodes);
    while (nodes > ends.length) this.#kernel.hashNodes(NODES_AT, NODES_AT, nodes /= 2);
    return new Uint8Array(this.#memory.buffer, NODES_AT, nodes * HASH_SIZE).slice();
  }

  /** Looks at the entries that were found: the scanner knows nearly all of them. */
  #lookAt(leafIndex: number, count: number): void {
    this.#scanner.scanEntries(
      BYTES_AT,
      OFFSETS_AT,
      count,
      ENTRY_LENGTH_BYTES,
      FINGERPRINTS_AT,
      KNOWN_AT,
    );
    const fingerprints = this.#fingerprints;
    for (let i = 0; i < count; i++) {
      const start = this.#offsets[i]!;
      const end = this.#offsets[i + 1]! - ENTRY_LENGTH_BYTES;
      if (this.#known[i] === 1) {
        const low = fingerprints[WORDS * i]!;
        const high = fingerprints[WORDS * i + 1]!;
        this.#entries.seen(low, high, leafIndex + i, this.#bytes, start, end);
      } else {
        this.#entries.see(this.#bytes, start, end, leafIndex + i);
      }
    }
  }

  /** Puts bundles into the kernel's memory. */
  #place(bundles: Uint8Array): void {
    const missing = BYTES_AT + bundles.length + SCAN_MARGIN - this.#memory.buffer.byteLength;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE));
      this.#bytes = new Uint8Array(this.#memory.buffer, BYTES_AT);
    }
    this.#bytes.set(bundles);
  }

  /** Finds the entries of consecutive bundles; whether each bundle has 256 of them. */
  #findEntries(ends: readonly number[]): boolean {
    const bytes = this.#bytes;
    const offsets = this.#offsets;
    let at = 0;
    let next = 0;
    for (const end of ends) {
      for (let i = 0; i < TILE_WIDTH; i++) {
        // Beyond the end there is another bundle, or nothing.
        if (at + ENTRY_LENGTH_BYTES > end) return false;
        const entry = at + ENTRY_LENGTH_BYTES;
        offsets[next++] = entry;
        at = entry + (bytes[at]! << 8 | bytes[at + 1]!);
      }
      if (at !== end) return false;
    }
    offsets[next] = at + ENTRY_LENGTH_BYTES;
    return true;
  }

  /** Whether tiles have the leaf hashes that were derived: by words, which is faster. */
  #areLeaves({ buffer, byteOffset, length }: Uint8Array): boolean {
    const tiles = new Int32Array(buffer, byteOffset, length / Int32Array.BYTES_PER_ELEMENT);
    const leaves = this.#leaves;
    for (let i = 0; i < tiles.length; i++) if (tiles[i] !== leaves[i]) return false;
    return true;
  }
}
