/**
 * `sign-subtree`: its request, and the check of a subtree consistency proof
 * (draft-ietf-plants-merkle-tree-certs §4.1 and §4.4).
 *
 * @module
 */

import {
  equalBytes,
  type Hash,
  MAX_PROOF_HASHES,
  nodeHash,
  parseDecimal,
  parseProofHash,
  splitHead,
} from "@indelible/core";

/** A request to cosign a subtree. */
export interface SignSubtree {
  /** First leaf index. */
  readonly start: bigint;
  /** Leaf index after the last. */
  readonly end: bigint;
  /** The subtree's root hash. */
  readonly hash: Hash;
  /** The subtree consistency proof. */
  readonly proof: readonly Hash[];
  /** A checkpoint that this witness cosigned, verbatim. */
  readonly checkpoint: Uint8Array;
}

/**
 * Parses the body of the request; the checkpoint is not looked into.
 *
 * @throws {SyntaxError} If the head is malformed.
 */
export function parseSignSubtree(body: Uint8Array): SignSubtree {
  const { head, rest } = splitHead(body, "sign-subtree request");
  const [range = "", hash, ...proof] = head;
  const [, start, end] = /^subtree ([^ ]+) ([^ ]+)$/.exec(range) ?? [];
  if (start === undefined || end === undefined) {
    throw malformed('the first line must be "subtree <start> <end>"');
  }
  if (hash === undefined) throw malformed("the subtree's hash is missing");
  if (proof.length > MAX_PROOF_HASHES) {
    throw malformed(
      `the proof has at most ${MAX_PROOF_HASHES} hashes, not ${proof.length}`,
    );
  }
  return {
    start: parseDecimal(start, "subtree start"),
    end: parseDecimal(end, "subtree end"),
    hash: parseProofHash(hash),
    proof: proof.map(parseProofHash),
    checkpoint: rest,
  };
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse sign-subtree request: ${why}`);
}

/**
 * Whether [start, end) is a subtree: it is not empty, and `start` is a multiple
 * of the smallest power of two that is at least its length.
 */
export function isSubtree(start: bigint, end: bigint): boolean {
  if (start < 0n || start >= end) return false;
  let width = 1n;
  while (width < end - start) width <<= 1n;
  return start % width === 0n;
}

/** Hashes that a proof leads to. */
interface Computed {
  readonly subtree: Hash;
  readonly root: Hash;
}

/**
 * Whether a proof shows that a subtree belongs to the tree of a root hash. It
 * walks the definition of §4.4 backwards: the last hash is the outermost one.
 *
 * @param start The subtree's first leaf index.
 * @param end The leaf index after its last.
 * @param size The tree's size, at least `end`.
 * @param hash The subtree's root hash.
 * @param root The tree's root hash.
 * @param proof The proof.
 */
export function checkSubtree(
  start: bigint,
  end: bigint,
  size: bigint,
  hash: Hash,
  root: Hash,
  proof: readonly Hash[],
): boolean {
  if (!isSubtree(start, end) || end > size) return false;
  const left = [...proof];
  const computed = compute(start, end, size, true);
  return computed !== null && left.length === 0 &&
    equalBytes(computed.subtree, hash) && equalBytes(computed.root, root);

  /** `whole`: what is left of the subtree is all of it, so its hash is known. */
  function compute(
    start: bigint,
    end: bigint,
    size: bigint,
    whole: boolean,
  ): Computed | null {
    const last = start === 0n && end === size && whole ? hash : left.pop();
    if (last === undefined) return null;
    if (start === 0n && end === size) return { subtree: last, root: last };
    const split = 1n << BigInt((size - 1n).toString(2).length - 1);
    if (end <= split) {
      const inner = compute(start, end, split, whole);
      return inner && { ...inner, root: nodeHash(inner.root, last) };
    }
    if (start >= split) {
      const inner = compute(start - split, end - split, size - split, whole);
      return inner && { ...inner, root: nodeHash(last, inner.root) };
    }
    // It spans the split, so it starts at 0 and `last` is its left half.
    const inner = compute(0n, end - split, size - split, false);
    return inner && {
      subtree: nodeHash(last, inner.subtree),
      root: nodeHash(last, inner.root),
    };
  }
}
