/**
 * Leaf hashes, and roots of trees and subtrees, on this thread: in bulk by the hash
 * kernel.
 *
 * @module
 */

import { EMPTY_ROOT, type Hash, HASH_SIZE, nodeHash, packEntries } from "@indelible/core";
import { KernelMemory } from "@indelible/core/kernel";

/** Hashes trees. */
export class TreeHasher {
  readonly #kernel = new KernelMemory();

  /** The leaf hash of each entry, one after the other: the bytes of a level 0 tile. */
  leafHashes(entries: readonly Uint8Array[]): Uint8Array {
    return this.#kernel.hashSlab(packEntries(entries));
  }

  /**
   * The root of a perfect subtree.
   *
   * @param bottom The 2^n hashes at its bottom, one after the other.
   */
  perfectRoot(bottom: Uint8Array): Hash {
    return this.#kernel.rowsAbove(bottom, Infinity).at(-1) ?? bottom;
  }

  /**
   * The root of a tree.
   *
   * @param edge By level, from 0: the hashes of the tile that is not full, if there is one.
   */
  rootOf(edge: readonly Uint8Array[]): Hash {
    let root: Hash | null = null;
    for (const hashes of edge) {
      // The binary digits of the width are its perfect subtrees, smallest rightmost.
      let end = hashes.length / HASH_SIZE;
      for (let span = 1; span <= end; span *= 2) {
        if ((end & span) === 0) continue;
        const bottom = hashes.subarray((end - span) * HASH_SIZE, end * HASH_SIZE);
        const left = this.perfectRoot(bottom);
        root = root === null ? left : nodeHash(left, root);
        end -= span;
      }
    }
    return root ?? EMPTY_ROOT;
  }
}

/** The hashes of one level, as they become known. */
export class HashRow {
  /** How many there are. */
  readonly width: number;
  readonly #hashes: Uint8Array;
  readonly #known: Uint8Array;

  /** @param width How many there are. */
  constructor(width: number) {
    this.width = width;
    this.#hashes = new Uint8Array(width * HASH_SIZE);
    this.#known = new Uint8Array(width);
  }

  /**
   * Makes a hash known.
   *
   * @param index Its place.
   * @param bytes What starts with it.
   */
  set(index: number, bytes: Uint8Array): void {
    this.#hashes.set(bytes.subarray(0, HASH_SIZE), index * HASH_SIZE);
    this.#known[index] = 1;
  }

  /** Consecutive hashes, without copying; `null` when one of them is not known. */
  slice(start: number, count: number): Uint8Array | null {
    if (this.#known.subarray(start, start + count).includes(0)) return null;
    return this.#hashes.subarray(start * HASH_SIZE, (start + count) * HASH_SIZE);
  }
}
