/**
 * The synthetic logs of the test vectors, made by core alone: entry `i` is the first
 * `i mod 33` bytes of SHA-256(`label:i`). The Go side (`peers/cmd/check`) grows the same.
 */

import { type Hash, type HashReader, leafHash, nodeHash, sha256, utf8 } from "@indelible/core";

/** Entry `i` of the synthetic log with that label. */
export function syntheticEntry(label: string, i: number): Uint8Array {
  return sha256(utf8(`${label}:${i}`)).subarray(0, i % 33);
}

/** A tree in memory: every perfect node by height, as core's proofs read them. */
export class MemoryTree {
  /** Node hashes by height, leftmost first. */
  readonly #rows: Hash[][] = [[]];

  /** Makes a tree of entries. */
  constructor(entries: Iterable<Uint8Array> = []) {
    for (const entry of entries) this.append(entry);
  }

  /** How many entries it has. */
  get size(): number {
    return this.#rows[0]!.length;
  }

  /** Appends an entry. */
  append(entry: Uint8Array): void {
    this.#rows[0]!.push(leafHash(entry));
    for (let height = 0; this.#rows[height]!.length % 2 === 0; height++) {
      const [left, right] = this.#rows[height]!.slice(-2) as [Hash, Hash];
      (this.#rows[height + 1] ??= []).push(nodeHash(left, right));
    }
  }

  /** The leaf hash at an index. */
  leaf(index: number): Hash {
    return this.#rows[0]![index]!;
  }

  /** The bytes of a hash tile. */
  tile(level: number, index: number, width: number): Uint8Array {
    const hashes = this.#rows[8 * level]!.slice(256 * index, 256 * index + width);
    return new Uint8Array(hashes.flatMap((hash) => [...hash]));
  }

  /** Reads nodes, for `proveInclusion` and `proveConsistency` at any size up to this one. */
  readonly read: HashReader = (nodes) =>
    Promise.resolve(nodes.map(({ height, index }) => this.#rows[height]![Number(index)]!));
}

/** Random numbers that a seed repeats: a failing test prints the seed. */
export class Dice {
  #state: number;

  /** @param seed Any whole number. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from `least` to `most`. */
  roll(least: number, most: number): number {
    // xorshift32: even enough for choosing test cases.
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    x = (x ^ (x >>> 16)) >>> 0;
    return least + x % (most - least + 1);
  }
}
