/**
 * Inclusion proofs of many entries at once. Their paths run together on the way
 * to the root, so all of them follow from the entries and the hashes of the
 * largest subtrees that hold none of them; a proof of one entry then takes the
 * hashes beside its path, given or computed.
 *
 * @module
 */

import { concat } from "./bytes.ts";
import { type Hash, HASH_SIZE, leafHash, nodeHash } from "./hash.ts";
import { type HashReader, inclusionSpans, readSpans, type Span, splitPoint } from "./proof.ts";
import { hashesOf } from "./tile.ts";

/** An entry and where it stands. */
export interface IndexedEntry {
  /** The leaf index. */
  readonly index: bigint;
  /** The entry's bytes. */
  readonly entry: Uint8Array;
}

/** Hashes of a tree, many at a time: what `KernelMemory` does faster than one by one. */
export interface BulkHashes {
  /** The leaf hashes of entries, one after the other. */
  leaves(entries: readonly Uint8Array[]): Uint8Array;
  /** The node hashes of pairs of hashes, all of them and the answer one after the other. */
  nodes(pairs: Uint8Array): Uint8Array;
}

const ONE_BY_ONE: BulkHashes = {
  leaves: (entries) => concat(...entries.map(leafHash)),
  nodes(pairs) {
    const halves = hashesOf(pairs);
    const count = halves.length / 2;
    return concat(
      ...Array.from({ length: count }, (_, i) => nodeHash(halves[2 * i]!, halves[2 * i + 1]!)),
    );
  },
};

/** A subtree on the way to an entry, or beside it. */
interface Subtree {
  /** How many nodes are between it and the lowest that it is hashed from. */
  readonly height: number;
  readonly children: readonly [Subtree, Subtree] | null;
  /** Set for those with children once the ones below are. */
  hash: Hash;
}

/** What {@linkcode fold} does with the subtrees of a tree. */
interface Folder<T> {
  /** The largest subtrees without any of the entries, leftmost first. */
  outside(span: Span): T;
  /** Entry `at` of the list. */
  entry(at: number): T;
  /** A subtree with entries on either side or on both. */
  inside(left: T, right: T): T;
}

/** Goes through a tree, left to right: `indices` are ascending and below `size`. */
function fold<T>(indices: readonly bigint[], size: bigint, folder: Folder<T>): T {
  /** The entries from `from` up to `to` are those of the span. */
  function visit(span: Span, from: number, to: number): T {
    if (from === to) return folder.outside(span);
    const { start, end } = span;
    if (end - start === 1n) return folder.entry(from);
    const middle = start + splitPoint(end - start);
    const split = firstFrom(indices, middle, from, to);
    const left = visit({ start, end: middle }, from, split);
    return folder.inside(left, visit({ start: middle, end }, split, to));
  }
  return visit({ start: 0n, end: size }, 0, indices.length);
}

/** Where the first index that is not below `least` stands. */
function firstFrom(indices: readonly bigint[], least: bigint, from: number, to: number): number {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (indices[middle]! < least) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The largest subtrees that hold none of the entries, leftmost first. */
function outsideSpans(indices: readonly bigint[], size: bigint): Span[] {
  const spans: Span[] = [];
  fold(indices, size, {
    outside: (span) => void spans.push(span),
    entry() {},
    inside() {},
  });
  return spans;
}

/**
 * How many hashes prove entries together.
 *
 * @param indices Their leaf indices, ascending, each below `size`.
 * @param size The tree size.
 */
export function countSharedNodes(indices: readonly bigint[], size: bigint): number {
  return outsideSpans(indices, size).length;
}

/**
 * The hashes that prove entries together, from stored ones.
 *
 * @param indices The leaf indices of the entries, ascending, each below `size`.
 * @param size The tree size.
 * @param read Where stored hashes come from.
 */
export async function proveTogether(
  indices: readonly bigint[],
  size: bigint,
  read: HashReader,
): Promise<Hash[]> {
  return await readSpans(outsideSpans(indices, size), read);
}

/**
 * The hashes that prove entries together, from their single proofs.
 *
 * @param indices Their leaf indices, ascending.
 * @param size The tree size.
 * @param root The tree's root hash.
 * @param proofs Their inclusion proofs under that root, in the same order.
 * @throws {RangeError} If a proof is too short for its index and size.
 */
export function shareNodes(
  indices: readonly bigint[],
  size: bigint,
  root: Hash,
  proofs: readonly (readonly Hash[])[],
): Hash[] {
  // Without entries the one subtree that holds none is the whole tree.
  const known = new Map<string, Hash>([[nameOf({ start: 0n, end: size }), root]]);
  indices.forEach((index, i) => {
    inclusionSpans(index, size).forEach((span, height) => {
      const hash = proofs[i]![height];
      if (!hash) throw new RangeError(`Cannot share nodes: the proof of ${index} is too short`);
      known.set(nameOf(span), hash);
    });
  });
  return outsideSpans(indices, size).map((span) => known.get(nameOf(span))!);
}

function nameOf({ start, end }: Span): string {
  return `${start}-${end}`;
}

/** The tree as far as it is known from entries and the hashes beside them. */
function knownTree(
  entries: readonly IndexedEntry[],
  size: bigint,
  nodes: readonly Hash[],
  bulk: BulkHashes,
): Subtree {
  const leaves = hashesOf(bulk.leaves(entries.map(({ entry }) => entry)));
  const byHeight: Subtree[][] = [];
  let next = 0;
  const root = fold<Subtree>(entries.map(({ index }) => index), size, {
    outside: () => ({ height: 0, children: null, hash: nodes[next++]! }),
    entry: (at) => ({ height: 0, children: null, hash: leaves[at]! }),
    inside(left, right) {
      const height = 1 + Math.max(left.height, right.height);
      const subtree = { height, children: [left, right] as const, hash: UNKNOWN };
      (byHeight[height] ??= []).push(subtree);
      return subtree;
    },
  });
  for (const subtrees of byHeight) {
    if (!subtrees) continue; // There are none at height 0.
    const pairs = new Uint8Array(2 * HASH_SIZE * subtrees.length);
    subtrees.forEach(({ children }, i) => {
      pairs.set(children![0].hash, 2 * HASH_SIZE * i);
      pairs.set(children![1].hash, 2 * HASH_SIZE * i + HASH_SIZE);
    });
    const hashes = hashesOf(bulk.nodes(pairs));
    subtrees.forEach((subtree, i) => subtree.hash = hashes[i]!);
  }
  return root;
}

const UNKNOWN: Hash = new Uint8Array(0);

/**
 * The root hash that entries and the hashes beside them lead to.
 *
 * @param entries The entries, ascending.
 * @param size The tree size.
 * @param nodes As many hashes as {@linkcode countSharedNodes} says.
 * @param bulk Hashes the tree.
 */
export function rootFromShared(
  entries: readonly IndexedEntry[],
  size: bigint,
  nodes: readonly Hash[],
  bulk: BulkHashes = ONE_BY_ONE,
): Hash {
  return knownTree(entries, size, nodes, bulk).hash;
}

/** The inclusion proof of each entry by itself; parameters as for {@linkcode rootFromShared}. */
export function singleProofs(
  entries: readonly IndexedEntry[],
  size: bigint,
  nodes: readonly Hash[],
  bulk: BulkHashes = ONE_BY_ONE,
): Hash[][] {
  const tree = knownTree(entries, size, nodes, bulk);
  return entries.map(({ index }) => {
    const proof: Hash[] = [];
    let subtree = tree;
    for (const { start } of inclusionSpans(index, size).reverse()) {
      const [left, right] = subtree.children!;
      const goesLeft = index < start;
      proof.push(goesLeft ? right.hash : left.hash);
      subtree = goesLeft ? left : right;
    }
    return proof.reverse();
  });
}
