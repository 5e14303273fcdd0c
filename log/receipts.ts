/**
 * The inclusion proofs of one batch, from the rows that the hash pool made, as JSON.
 * Nothing is encoded twice: a batch of n entries has about 2n nodes but n log n proof
 * hashes. Nodes become base64 a row at a time, and neighbours share the end of their
 * proofs: from one leaf to the next two hashes change on average, the rest stands.
 *
 * @module
 */

import { type Hash, HASH_SIZE, nodeHash } from "@indelible/core";
import { base64Length, type ByteWriter, putBase64 } from "./byte_writer.ts";
import type { Integrated, NodeRow } from "./integrate.ts";
import type { Proof, Receipt } from "./pool.ts";
import type { Published } from "./publish.ts";
import { hasBit, shiftRight, type Tree } from "./tree.ts";

const TEXT_SIZE = base64Length(HASH_SIZE);
/** A hash in its quotes, and a comma. */
const ITEM_SIZE = TEXT_SIZE + 3;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENING = Uint8Array.of(0x5b);
const CLOSING = 0x5d;

/** Proves entries of the batch under the tree that the batch made. */
export class BatchProofs {
  readonly #rows: readonly NodeRow[];
  readonly #size: number;
  /** By height: the row's nodes in base64, made when first asked for. */
  readonly #texts: Uint8Array[] = [];
  /** By height: the root, in base64, of what is to the right of the last perfect node. */
  readonly #borders: readonly (Uint8Array | null)[];
  /** The proof written last, at its end: from its first quote to the closing bracket. */
  readonly #proof: Uint8Array;
  /** By height: where that proof's hashes from this height up begin. */
  readonly #starts: Uint32Array;
  /** The leaf that it is about; -1 before the first. */
  #leaf = -1;

  /** Takes over the rows of a batch. */
  constructor({ rows, tree }: Pick<Integrated, "rows" | "tree">) {
    this.#rows = rows;
    this.#size = tree.size;
    this.#borders = borders(tree, rows.length);
    this.#proof = new Uint8Array(rows.length * ITEM_SIZE + 1);
    this.#starts = new Uint32Array(rows.length + 1);
    this.#starts[rows.length] = rows.length * ITEM_SIZE;
    this.#proof[rows.length * ITEM_SIZE] = CLOSING;
  }

  /**
   * Writes the inclusion proof of an entry of this batch as a JSON array: hashes in
   * base64, the leaf's sibling first (RFC 6962 §2.1.1).
   */
  writeInclusion(leafIndex: number, into: ByteWriter): void {
    if (leafIndex !== this.#leaf) this.#moveTo(leafIndex);
    into.bytes(OPENING);
    into.bytes(this.#proof, this.#starts[0]);
  }

  #moveTo(leafIndex: number): void {
    // Above the lowest common ancestor of the two leaves their proofs are the same.
    let height = this.#leaf < 0 ? this.#rows.length : 0;
    while (
      height < this.#rows.length &&
      shiftRight(leafIndex, height) !== shiftRight(this.#leaf, height)
    ) height++;
    while (height-- > 0) this.#put(height, shiftRight(leafIndex, height));
    this.#leaf = leafIndex;
  }

  /** Puts the sibling of a node before the hashes of the heights above it. */
  #put(height: number, index: number): void {
    const sibling = index % 2 === 0 ? index + 1 : index - 1;
    const perfect = shiftRight(this.#size, height);
    let at = this.#starts[height + 1]!;
    this.#starts[height] = at;
    let text: Uint8Array | null = null;
    let from = 0;
    if (sibling < perfect) {
      text = this.#textsOf(height);
      from = (sibling - this.#rows[height]!.first) * TEXT_SIZE;
      // At most one node of a height is imperfect: the one at the right border.
    } else if (sibling === perfect) text = this.#borders[height]!;
    if (text === null) return;
    const proof = this.#proof;
    if (proof[at] !== CLOSING) proof[--at] = COMMA;
    proof[--at] = QUOTE;
    at -= TEXT_SIZE;
    for (let i = 0; i < TEXT_SIZE; i++) proof[at + i] = text[from + i]!;
    proof[--at] = QUOTE;
    this.#starts[height] = at;
  }

  #textsOf(height: number): Uint8Array {
    return this.#texts[height] ??= textsOf(this.#rows[height]!.hashes);
  }
}

/** Hashes in base64, one after the other. */
function textsOf(hashes: Uint8Array): Uint8Array {
  const texts = new Uint8Array(hashes.length / HASH_SIZE * TEXT_SIZE);
  for (let from = 0, at = 0; from < hashes.length; from += HASH_SIZE) {
    at = putBase64(hashes, from, from + HASH_SIZE, texts, at);
  }
  return texts;
}

/** By height h: the root over the entries after the last perfect subtree of 2^h, if any. */
function borders(tree: Tree, heights: number): (Uint8Array | null)[] {
  const roots: (Uint8Array | null)[] = [];
  let border: Hash | null = null;
  for (let height = 0; height <= heights; height++) {
    roots.push(border && textsOf(border));
    if (!hasBit(tree.size, height)) continue;
    const node = tree.edge.get(height)!;
    border = border ? nodeHash(node, border) : node;
  }
  return roots;
}

/** The receipt of an entry that its own batch proves. */
export class FreshReceipt implements Receipt, Proof {
  readonly index: number;
  readonly published: Published;
  readonly #proofs: BatchProofs;
  readonly #entry: () => Uint8Array;

  /**
   * @param index The leaf index.
   * @param published The checkpoint that the batch was published with.
   * @param proofs The batch's proofs.
   * @param entry Gives the entry's bytes.
   */
  constructor(
    index: number,
    published: Published,
    proofs: BatchProofs,
    entry: () => Uint8Array,
  ) {
    this.index = index;
    this.published = published;
    this.#proofs = proofs;
    this.#entry = entry;
  }

  /** The entry's bytes. */
  get bytes(): Uint8Array {
    return this.#entry();
  }

  /** It is its own proof: all that it takes is in memory. */
  prove(): Proof {
    return this;
  }

  /** See {@linkcode Proof}. */
  writeInclusion(into: ByteWriter): void {
    this.#proofs.writeInclusion(this.index, into);
  }
}
