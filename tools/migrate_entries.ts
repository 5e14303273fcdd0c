/**
 * What the entries of a log must be for another log to take them over, each at the leaf
 * index that it has: entries of ours, one digest for an identifier, no publication and
 * no newest event twice (`log/unique.ts` would answer those with the first index).
 *
 * Of an entry that stands alone 64 bits are kept, a fingerprint of its identifier. Only
 * what comes up again, and later events, are read a second time and followed by name,
 * so a collision costs a look and decides nothing.
 *
 * @module
 */

import {
  encodeHex,
  type Entry,
  equalBytes,
  type Hash,
  identifierKey,
  leafHash,
  parseEntry,
  TILE_WIDTH,
} from "@indelible/core";
import { lineOf } from "./migrate_line.ts";
import type { SourceBundle } from "./migrate_source.ts";

interface Standing {
  readonly leafIndex: number;
  readonly digest: Hash;
  /** The newest entry about the file, once there is a later one. */
  newest: { readonly leafIndex: number; readonly hash: Hash } | null;
}

/** Checks the entries of a log, in two readings. */
export class EntryRules {
  readonly #fingerprints: BigUint64Array;
  /** The fingerprints whose entries are followed by name. */
  readonly #followed = new Set<bigint>();
  readonly #standings = new Map<string, Standing>();
  #unusable: string | null = null;

  /** @param size How many entries the log has. */
  constructor(size: number) {
    this.#fingerprints = new BigUint64Array(size);
  }

  /** Takes note of the next entries; what is wrong with them is told later. */
  note({ first, entries }: SourceBundle): void {
    entries.forEach((bytes, i) => {
      const leafIndex = first + i;
      try {
        const entry = parseEntry(bytes);
        lineOf(entry);
        const fingerprint = fingerprintOf(entry);
        this.#fingerprints[leafIndex] = fingerprint;
        if (entry.event !== "publish") this.#followed.add(fingerprint);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        this.#unusable ??= `entry ${leafIndex} is none of ours: ${error.message}`;
      }
    });
  }

  /**
   * Which entry bundles must be read again, for {@linkcode follow}, in order.
   *
   * @throws {Error} If an entry is none of ours.
   */
  bundlesToFollow(): number[] {
    if (this.#unusable !== null) throw new Error(this.#unusable);
    const sorted = this.#fingerprints.slice().sort();
    for (let i = 1; i < sorted.length; i++) {
      if (sorted[i] === sorted[i - 1]) this.#followed.add(sorted[i]!);
    }
    if (this.#followed.size === 0) return [];
    const bundles = new Set<number>();
    this.#fingerprints.forEach((fingerprint, leafIndex) => {
      if (this.#followed.has(fingerprint)) bundles.add(Math.floor(leafIndex / TILE_WIDTH));
    });
    return [...bundles];
  }

  /**
   * Follows the identifiers that come up more than once.
   *
   * @throws {Error} If an entry would not get a leaf of its own.
   */
  follow({ first, entries }: SourceBundle): void {
    entries.forEach((bytes, i) => {
      const leafIndex = first + i;
      if (!this.#followed.has(this.#fingerprints[leafIndex]!)) return;
      this.#followOne(leafIndex, parseEntry(bytes), leafHash(bytes));
    });
  }

  #followOne(leafIndex: number, entry: Entry, hash: Hash): void {
    const { ecosystem, event, file, digest } = entry;
    const name = `${ecosystem}\n${file}`;
    const standing = this.#standings.get(name);
    if (!standing) {
      if (event !== "publish") {
        throw new Error(
          `entry ${leafIndex} (${event}) is about ${file}, which no earlier entry published`,
        );
      }
      this.#standings.set(name, { leafIndex, digest, newest: null });
      return;
    }
    const { leafIndex: published, newest } = standing;
    if (!equalBytes(standing.digest, digest)) {
      throw new Error(
        `entry ${published} and entry ${leafIndex} give ${file} two digests: ` +
          `${encodeHex(standing.digest)} and ${encodeHex(digest)}`,
      );
    }
    const repeated = event === "publish"
      ? published
      : newest && equalBytes(newest.hash, hash)
      ? newest.leafIndex
      : null;
    if (repeated !== null) {
      throw new Error(
        `entry ${leafIndex} says again of ${file} what entry ${repeated} said: ` +
          "a log of ours gives both one leaf, so that later leaf indices could not be kept",
      );
    }
    standing.newest = { leafIndex, hash };
  }
}

/** The first 64 bits of the identifier's key. */
function fingerprintOf(entry: Entry): bigint {
  const key = identifierKey(entry);
  return new DataView(key.buffer, key.byteOffset).getBigUint64(0);
}
