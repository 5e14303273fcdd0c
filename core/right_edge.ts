/**
 * The right edge of a tree (its compact range from 0): the roots of the perfect
 * subtrees that its size is the sum of, largest first. It is all one needs to
 * append entries and to know the root hash (RFC 6962 §2.1).
 *
 * @module
 */

import { EMPTY_ROOT, type Hash, nodeHash } from "./hash.ts";

/** Size and perfect subtree roots of a tree; one hash for each 1 bit of `size`. */
export interface RightEdge {
  /** How many leaf hashes the tree holds. */
  readonly size: bigint;
  /** Roots of the perfect subtrees, largest (leftmost) first. */
  readonly hashes: readonly Hash[];
}

/** The right edge of the tree without entries. */
export const EMPTY_EDGE: RightEdge = { size: 0n, hashes: [] };

/** The right edge after one more leaf hash. */
export function appendLeafHash(edge: RightEdge, leaf: Hash): RightEdge {
  const hashes = edge.hashes.slice();
  let merged = leaf;
  for (let rest = edge.size; rest & 1n; rest >>= 1n) {
    merged = nodeHash(hashes.pop()!, merged);
  }
  hashes.push(merged);
  return { size: edge.size + 1n, hashes };
}

/** The root hash of the tree with this right edge. */
export function rootHash(edge: RightEdge): Hash {
  let root: Hash | undefined;
  for (let i = edge.hashes.length - 1; i >= 0; i--) {
    const left = edge.hashes[i]!;
    root = root === undefined ? left : nodeHash(left, root);
  }
  return root ?? EMPTY_ROOT;
}
