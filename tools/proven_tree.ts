/**
 * Inclusion proofs of many entries under one root, checked together: a node that
 * one proof has led to the root is not hashed again for the next. A page's files
 * were mostly logged one after the other, and their proofs share all but the
 * lowest nodes. Every hash of every proof is compared nevertheless: a proof that
 * passes here also passes alone.
 *
 * @module
 */

import { checkInclusion, equalBytes, type Hash, HASH_SIZE, nodeHash } from "@indelible/core";

/** Proves entries under one root. */
export class ProvenTree {
  readonly #size: bigint;
  readonly #root: Hash;
  /** By level, then by place from the left: nodes that are known to be under the root. */
  readonly #levels: Map<number, Hash>[] = [];

  /**
   * @param size The tree size.
   * @param root The root hash, of a checkpoint that was accepted.
   */
  constructor(size: bigint, root: Hash) {
    this.#size = size;
    this.#root = root;
  }

  /** As `checkInclusion` of core, for this tree. */
  check(index: bigint, leaf: Hash, proof: readonly Hash[]): boolean {
    // Places are numbers here; no tree of today is larger.
    if (this.#size > BigInt(Number.MAX_SAFE_INTEGER)) {
      return checkInclusion(index, this.#size, leaf, proof, this.#root);
    }
    if (index < 0n || index >= this.#size || leaf.length !== HASH_SIZE) return false;
    let at = Number(index);
    let last = Number(this.#size) - 1;
    let level = 0;
    let node = leaf;
    /** What is known if the proof turns out right: level, place, hash. */
    const claimed: [number, number, Hash][] = [];
    for (const sibling of proof) {
      if (last === 0 || sibling.length !== HASH_SIZE) return false;
      const isRight = at % 2 === 1 || at === last;
      if (isRight) {
        // At the right edge a node without a sibling is the same node a level up.
        while (at % 2 === 0 && at !== 0) {
          claimed.push([level, at, node]);
          [at, last, level] = [at / 2, Math.floor(last / 2), level + 1];
        }
      }
      const parent = [Math.floor(at / 2), Math.floor(last / 2)] as const;
      const known = this.#levels[level + 1]?.get(parent[0]);
      const knownNode = this.#levels[level]?.get(at);
      const knownSibling = this.#levels[level]?.get(at % 2 === 1 ? at - 1 : at + 1);
      if (known && knownNode && knownSibling) {
        if (!equalBytes(knownNode, node) || !equalBytes(knownSibling, sibling)) return false;
        node = known;
      } else {
        claimed.push([level, at, node], [level, at % 2 === 1 ? at - 1 : at + 1, sibling]);
        node = isRight ? nodeHash(sibling, node) : nodeHash(node, sibling);
      }
      [at, last] = parent;
      level++;
    }
    if (last !== 0 || !equalBytes(node, this.#root)) return false;
    claimed.push([level, 0, node]);
    for (const [level, at, hash] of claimed) {
      (this.#levels[level] ??= new Map()).set(at, hash);
    }
    return true;
  }
}
