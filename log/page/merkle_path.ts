/**
 * An inclusion proof as a path: from the leaf hash up, each step joins a sibling
 * from one side, and the last hash must be the root. Pure; what is drawn is made
 * elsewhere.
 *
 * @module
 */

import { equalBytes, type Hash, inclusionSpans, nodeHash, type Span } from "@indelible/core";

/** One step of the path. */
export interface PathStep {
  /** The sibling that the proof gives. */
  readonly sibling: Hash;
  /** On which side of the path it stands. */
  readonly side: "left" | "right";
  /** The entries below the sibling. */
  readonly span: Span;
  /** The hash that the two make. */
  readonly parent: Hash;
}

/** A whole path. */
export interface MerklePath {
  /** The leaf index. */
  readonly index: bigint;
  /** The hash of the entry. */
  readonly leaf: Hash;
  /** The steps, the leaf's sibling first. */
  readonly steps: readonly PathStep[];
  /** The root hash that it must lead to. */
  readonly root: Hash;
  /** Whether it does. */
  readonly holds: boolean;
}

/**
 * Follows an inclusion proof.
 *
 * @returns The path, or `null` when the proof has the wrong length for the index and size.
 */
export function merklePath(
  index: bigint,
  size: bigint,
  leaf: Hash,
  proof: readonly Hash[],
  root: Hash,
): MerklePath | null {
  if (index < 0n || index >= size) return null;
  const spans = inclusionSpans(index, size);
  if (spans.length !== proof.length) return null;
  let at = leaf;
  const steps = proof.map((sibling, i): PathStep => {
    const span = spans[i]!;
    const side = span.start < index ? "left" : "right";
    at = side === "left" ? nodeHash(sibling, at) : nodeHash(at, sibling);
    return { sibling, side, span, parent: at };
  });
  return { index, leaf, steps, root, holds: equalBytes(at, root) };
}
