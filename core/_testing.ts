/**
 * What the core's tests share; no part of the core. A run is quick by default
 * and thorough with `SLOW=1` in the environment.
 *
 * @module
 */

import { concat, utf8 } from "./bytes.ts";
import { encodeEntryBundle } from "./entry_bundle.ts";
import { type Hash, leafHash, nodeHash } from "./hash.ts";
import type { FetchResource } from "./log_reader.ts";
import { appendLeafHash, EMPTY_EDGE, rootHash } from "./right_edge.ts";
import { parseTilePath, tileAt } from "./tile.ts";

/** Whether to take the time to be thorough. */
export const SLOW: boolean = !!Deno.env.get("SLOW");

/** How many cases a property test tries. */
export const RUNS: number = SLOW ? 5_000 : 60;

/** The root hash by its definition (RFC 6962 §2.1), for `leaves.length` > 0. */
export function rootByDefinition(leaves: readonly Hash[]): Hash {
  if (leaves.length === 1) return leaves[0]!;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(
    rootByDefinition(leaves.slice(0, split)),
    rootByDefinition(leaves.slice(split)),
  );
}

/** A log in memory that can be read at any of its sizes. */
export class TestLog {
  /** Its entries. */
  readonly entries: readonly Uint8Array[];
  /** Hashes by tile level: those of leaves, then those of full tiles. */
  readonly #levels: Hash[][];
  readonly #roots: Hash[] = [];

  /**
   * Makes a log.
   *
   * @param size How many entries it has.
   * @param entry Entry `i`; "entry 0" is the first by default.
   */
  constructor(size: number, entry: (i: number) => Uint8Array = (i) => utf8(`entry ${i}`)) {
    this.entries = Array.from({ length: size }, (_, i) => entry(i));
    this.#levels = [this.entries.map(leafHash)];
    for (let hashes = this.#levels[0]!; hashes.length >= 256;) {
      const above: Hash[] = [];
      for (let i = 0; i + 256 <= hashes.length; i += 256) {
        above.push(rootByDefinition(hashes.slice(i, i + 256)));
      }
      this.#levels.push(hashes = above);
    }
    let edge = EMPTY_EDGE;
    this.#roots.push(rootHash(edge));
    for (const leaf of this.leaves) {
      this.#roots.push(rootHash(edge = appendLeafHash(edge, leaf)));
    }
  }

  /** Its leaf hashes. */
  get leaves(): readonly Hash[] {
    return this.#levels[0]!;
  }

  /** The tree of its first `size` entries. */
  head(size: number): { size: bigint; root: Hash } {
    return { size: BigInt(size), root: this.#roots[size]! };
  }

  /** Serves what a log of `size` entries serves: no other partial tiles. */
  at(size: number): FetchResource {
    return (path) => {
      const { level, index, width } = parseTilePath(path);
      if (tileAt(level, index, BigInt(size))?.width !== width) {
        return Promise.resolve(null);
      }
      const start = Number(index) * 256;
      return Promise.resolve(
        level === "entries"
          ? encodeEntryBundle(this.entries.slice(start, start + width))
          : concat(...this.#levels[level]!.slice(start, start + width)),
      );
    };
  }
}

/** The bytes with one bit of them flipped. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

// What the formats' grammars turn on.
const TELLING = utf8("\0\t\n\r +-./0159:=AZ_az~\x7f\x80\xa0\xff");

/**
 * Every truncation, and every byte changed: into each bit's opposite, and into
 * bytes that mean something to a grammar; with `SLOW`, into all the others.
 */
export function* mutations(bytes: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < bytes.length; length++) {
    yield bytes.slice(0, length);
  }
  for (let at = 0; at < bytes.length; at++) {
    const values = SLOW ? Array.from({ length: 256 }, (_, value) => value) : [
      ...TELLING,
      ...[0, 1, 2, 3, 4, 5, 6, 7].map((b) => bytes[at]! ^ 1 << b),
    ];
    for (const value of new Set(values)) {
      if (value === bytes[at]) continue;
      const changed = bytes.slice();
      changed[at] = value;
      yield changed;
    }
  }
}

/** Parses hostile input: `null` when it is refused as malformed, the only way to refuse it. */
export function parseOrRefuse<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
