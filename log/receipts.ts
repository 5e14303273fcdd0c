/**
 * The inclusion proofs of one batch, from the rows that `integrate.ts` made.
 * Each node is written as base64 once and shared between receipts: a batch of n
 * entries has about 2n nodes but n log n proof hashes.
 *
 * @module
 */

import { encodeBase64, type Hash, nodeHash } from "@indelible/core";
import type { Integrated, NodeRow } from "./integrate.ts";
import { hasBit, hashAt, shiftRight, type Tree } from "./tree.ts";

/** Proves entries of the batch under the tree that the batch made. */
export class BatchProofs {
  readonly #rows: readonly NodeRow[];
  readonly #size: number;
  /** Base64 of row nodes, made when first asked for. */
  readonly #texts: string[][];
  /** By height: the root, as base64, of what is to the right of the last perfect node. */
  readonly #borders: readonly (string | null)[];

  /** Takes over the rows of a batch. */
  constructor({ rows, tree }: Integrated) {
    this.#rows = rows;
    this.#size = tree.size;
    this.#texts = rows.map(() => []);
    this.#borders = borders(tree, rows.length);
  }

  /**
   * The inclusion proof of an entry of this batch, in base64, the leaf's sibling
   * first (RFC 6962 §2.1.1).
   */
  inclusion(leafIndex: number): string[] {
    const proof: string[] = [];
    for (
      let height = 0, index = leafIndex;
      height < this.#rows.length;
      height++
    ) {
      const sibling = index % 2 === 0 ? index + 1 : index - 1;
      const perfect = shiftRight(this.#size, height);
      if (sibling < perfect) proof.push(this.#text(height, sibling));
      // At most one node of a height is imperfect: the one at the right border.
      else if (sibling === perfect && this.#borders[height]) {
        proof.push(this.#borders[height]!);
      }
      index = Math.floor(index / 2);
    }
    return proof;
  }

  #text(height: number, index: number): string {
    const { first, hashes } = this.#rows[height]!;
    return this.#texts[height]![index - first] ??= encodeBase64(
      hashAt(hashes, index - first),
    );
  }
}

/** By height h: the root over the entries after the last perfect subtree of 2^h, if any. */
function borders(tree: Tree, heights: number): (string | null)[] {
  const roots: (string | null)[] = [];
  let border: Hash | null = null;
  for (let height = 0; height <= heights; height++) {
    roots.push(border && encodeBase64(border));
    if (!hasBit(tree.size, height)) continue;
    const node = tree.edge.get(height)!;
    border = border ? nodeHash(node, border) : node;
  }
  return roots;
}
