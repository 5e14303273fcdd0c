/**
 * Many SHA-256 at once: the one place where the tools hash in bulk, so that a
 * faster kernel has one place to go.
 *
 * @module
 */

import { concat, type Hash, HASH_SIZE } from "@indelible/core";
import { hash } from "node:crypto";

const LEAF_PREFIX = Uint8Array.of(0x00);
const NODE_PREFIX = Uint8Array.of(0x01);

/** The SHA-256 of each message, in order. */
export function hashAll(messages: readonly Uint8Array[]): Hash[] {
  return messages.map((message) => hash("sha256", message, "buffer"));
}

/** The leaf hash of each entry, one after the other: the bytes of a level 0 tile. */
export function leafHashes(entries: readonly Uint8Array[]): Uint8Array {
  return concat(...hashAll(entries.map((entry) => concat(LEAF_PREFIX, entry))));
}

/**
 * The root of a perfect subtree.
 *
 * @param bottom The 2^n hashes at its bottom, one after the other.
 */
export function perfectRoot(bottom: Uint8Array): Hash {
  let hashes = bottom;
  while (hashes.length > HASH_SIZE) {
    const pairs: Uint8Array[] = [];
    for (let at = 0; at < hashes.length; at += 2 * HASH_SIZE) {
      const pair = hashes.subarray(at, at + 2 * HASH_SIZE);
      pairs.push(concat(NODE_PREFIX, pair));
    }
    hashes = concat(...hashAll(pairs));
  }
  return hashes;
}
