/**
 * The tree as the sequencer holds it: size, root hash, and the little of the
 * tree that appending needs: the right edge, the partial tile of each level, the
 * partial entry bundle. All of it is a pure function of the entries.
 *
 * The log's own tree stays below 2^53, so its hot path counts in numbers.
 *
 * @module
 */

import { EMPTY_ROOT, type Hash, HASH_SIZE } from "@indelible/core";

/** The tree at one size. */
export interface Tree {
  /** How many entries it holds. */
  readonly size: number;
  /** The root hash. */
  readonly root: Hash;
  /** Root of the perfect subtree of 2^height leaves at the right edge; set where `size` has that bit. */
  readonly edge: ReadonlyMap<number, Hash>;
  /** The rightmost tile of each level while it is partial: 0–255 hashes. */
  readonly partialTiles: readonly Uint8Array[];
  /** The rightmost entry bundle while it is partial. */
  readonly partialBundle: Uint8Array;
}

/** The tree without entries. */
export const EMPTY_TREE: Tree = {
  size: 0,
  root: EMPTY_ROOT,
  edge: new Map(),
  partialTiles: [],
  partialBundle: new Uint8Array(0),
};

/** `floor(n / 2^height)`: shifts of numbers wrap at 32 bits. */
export function shiftRight(n: number, height: number): number {
  return Math.floor(n / 2 ** height);
}

/** Whether `n` has the bit of 2^height. */
export function hasBit(n: number, height: number): boolean {
  return shiftRight(n, height) % 2 === 1;
}

/** The `i`-th of hashes stored one after the other, without copying. */
export function hashAt(hashes: Uint8Array, i: number): Hash {
  return hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE);
}

/** Stores hashes one after the other. */
export function packHashes(hashes: readonly Hash[]): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(hashes.length * HASH_SIZE);
  hashes.forEach((hash, i) => packed.set(hash, i * HASH_SIZE));
  return packed;
}
