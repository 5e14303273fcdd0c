/**
 * Inclusion and consistency proofs: what nodes they hold, how they are built
 * from a reader of stored hashes, how they are checked (RFC 6962 §2.1.1 and
 * §2.1.2 as restated by RFC 9162 §2.1.3 and §2.1.4).
 *
 * Checking is bit arithmetic on `bigint`: sizes off the wire have 63 bits.
 *
 * @module
 */

import { equalBytes } from "./bytes.ts";
import { EMPTY_ROOT, type Hash, HASH_SIZE, nodeHash } from "./hash.ts";

/** A perfect subtree: the `index`-th of those with 2^`height` leaves. */
export interface NodeCoordinate {
  /** log2 of how many leaves are below it. */
  readonly height: number;
  /** Its place from the left among nodes of that height. */
  readonly index: bigint;
}

/**
 * Reads stored node hashes, as many as asked for and in that order; it throws
 * when one cannot be had. Asked once for each proof, so that the same code serves
 * memory, disk and network.
 */
export type HashReader = (nodes: readonly NodeCoordinate[]) => Promise<Hash[]>;

/** The leaves from `start` up to `end` (exclusive): a subtree, perhaps not perfect. */
export interface Span {
  /** The first of them. */
  readonly start: bigint;
  /** One beyond the last. */
  readonly end: bigint;
}

/** The largest power of two smaller than `size`; RFC 6962's split, for size > 1. */
export function splitPoint(size: bigint): bigint {
  if (size > 0xffff_ffffn) return 1n << BigInt((size - 1n).toString(2).length - 1);
  return 1n << BigInt(31 - Math.clz32(Number(size) - 1));
}

/** The perfect subtrees that a span is made of, leftmost first. */
function perfectNodes({ start, end }: Span): NodeCoordinate[] {
  const nodes: NodeCoordinate[] = [];
  for (let at = start; at < end;) {
    let height = 0;
    while (
      (at >> BigInt(height)) % 2n === 0n &&
      at + (2n << BigInt(height)) <= end &&
      height < 63
    ) height++;
    nodes.push({ height, index: at >> BigInt(height) });
    at += 1n << BigInt(height);
  }
  return nodes;
}

/** The subtrees whose hashes make up an inclusion proof, the leaf's sibling first. */
export function inclusionSpans(index: bigint, size: bigint): Span[] {
  const spans: Span[] = [];
  let start = 0n;
  let end = size;
  while (end - start > 1n) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      spans.push({ start: middle, end });
      end = middle;
    } else {
      spans.push({ start, end: middle });
      start = middle;
    }
  }
  return spans.reverse();
}

function consistencySpans(oldSize: bigint, size: bigint): Span[] {
  const spans: Span[] = [];
  let start = 0n;
  let end = size;
  while (end !== oldSize) {
    const middle = start + splitPoint(end - start);
    if (oldSize <= middle) {
      spans.push({ start: middle, end });
      end = middle;
    } else {
      spans.push({ start, end: middle });
      start = middle;
    }
  }
  // The verifier knows the old root; only a subtree inside it must be told.
  if (start > 0n) spans.push({ start, end });
  return spans.reverse();
}

/** The hashes of subtrees, each from those of the perfect subtrees that it is made of. */
export async function readSpans(spans: readonly Span[], read: HashReader): Promise<Hash[]> {
  const nodes = spans.map(perfectNodes);
  const hashes = await read(nodes.flat());
  let at = 0;
  return nodes.map(({ length }) => {
    const parts = hashes.slice(at, at += length);
    return parts.reduceRight((right, left) => nodeHash(left, right));
  });
}

/** The nodes whose hashes make up the root of a tree, leftmost first. */
export function rootNodes(size: bigint): NodeCoordinate[] {
  return perfectNodes({ start: 0n, end: size });
}

/**
 * The inclusion proof of an entry, the leaf's sibling first.
 *
 * @param index The leaf index.
 * @param size The tree size to prove under.
 * @param read Where stored hashes come from.
 * @throws {RangeError} If the tree does not hold the index.
 */
export async function proveInclusion(
  index: bigint,
  size: bigint,
  read: HashReader,
): Promise<Hash[]> {
  if (index < 0n || index >= size) {
    throw new RangeError(
      `Cannot prove inclusion: leaf index ${index} is outside size ${size}`,
    );
  }
  return await readSpans(inclusionSpans(index, size), read);
}

/**
 * The consistency proof between two sizes of one tree.
 *
 * @param oldSize The smaller size. From 0, and between equal sizes, the proof is empty.
 * @param size The larger size.
 * @param read Where stored hashes come from.
 * @throws {RangeError} If `oldSize` is negative or larger than `size`.
 */
export async function proveConsistency(
  oldSize: bigint,
  size: bigint,
  read: HashReader,
): Promise<Hash[]> {
  if (oldSize < 0n || oldSize > size) {
    throw new RangeError(
      `Cannot prove consistency: ${oldSize} is not between 0 and ${size}`,
    );
  }
  if (oldSize === 0n) return [];
  return await readSpans(consistencySpans(oldSize, size), read);
}

/**
 * The root hash that an inclusion proof leads to, or `null` when it has the
 * wrong shape for this index and size (RFC 9162 §2.1.3.2).
 */
export function rootFromInclusion(
  index: bigint,
  size: bigint,
  leaf: Hash,
  proof: readonly Hash[],
): Hash | null {
  if (index < 0n || index >= size || leaf.length !== HASH_SIZE) return null;
  let fn = index;
  let sn = size - 1n;
  let root = leaf;
  for (const sibling of proof) {
    if (sn === 0n || sibling.length !== HASH_SIZE) return null;
    if (fn & 1n || fn === sn) {
      root = nodeHash(sibling, root);
      while (!(fn & 1n) && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      root = nodeHash(root, sibling);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n ? root : null;
}

/** Whether a proof shows that a leaf hash stands at an index under a root hash. */
export function checkInclusion(
  index: bigint,
  size: bigint,
  leaf: Hash,
  proof: readonly Hash[],
  root: Hash,
): boolean {
  const computed = rootFromInclusion(index, size, leaf, proof);
  return computed !== null && equalBytes(computed, root);
}

/**
 * Whether a proof shows that the tree of the old root is a prefix of the tree of
 * the new one (RFC 9162 §2.1.4.2). From size 0 every tree is consistent, with an
 * empty proof, provided that the old root is that of the empty tree.
 */
export function checkConsistency(
  oldSize: bigint,
  size: bigint,
  oldRoot: Hash,
  root: Hash,
  proof: readonly Hash[],
): boolean {
  if (oldSize < 0n || oldSize > size) return false;
  if (oldSize === 0n && !equalBytes(oldRoot, EMPTY_ROOT)) return false;
  if (oldSize === size) return proof.length === 0 && equalBytes(oldRoot, root);
  if (oldSize === 0n) return proof.length === 0;
  // A perfect old tree is itself the first node of the proof.
  const path = isPerfect(oldSize) ? [oldRoot, ...proof] : proof;
  const roots = rootsFromConsistency(oldSize, size, path);
  return roots !== null && equalBytes(roots.old, oldRoot) && equalBytes(roots.new, root);
}

/**
 * What shows the root of a tree's first leaves: a consistency proof that always begins
 * with a hash inside those leaves, also where they are a perfect subtree and a verifier
 * of consistency would take its hash from the old root.
 *
 * @param oldSize How many leaves.
 * @param size The tree size.
 * @param read Where stored hashes come from.
 * @throws {RangeError} If `oldSize` is negative or larger than `size`.
 */
export async function provePrefix(
  oldSize: bigint,
  size: bigint,
  read: HashReader,
): Promise<Hash[]> {
  const proof = await proveConsistency(oldSize, size, read);
  if (oldSize === 0n || oldSize === size || !isPerfect(oldSize)) return proof;
  return [...await read(rootNodes(oldSize)), ...proof];
}

/**
 * The root of a tree's first leaves as {@linkcode provePrefix} shows it, or `null` if the
 * proof does not lead to the tree's root. One tree has one answer: two roots of the same
 * first leaves would be a collision of SHA-256.
 */
export function checkPrefix(
  oldSize: bigint,
  size: bigint,
  root: Hash,
  proof: readonly Hash[],
): Hash | null {
  if (oldSize < 0n || oldSize > size) return null;
  if (oldSize === 0n || oldSize === size) {
    if (proof.length > 0) return null;
    return oldSize === size ? root : EMPTY_ROOT;
  }
  const roots = rootsFromConsistency(oldSize, size, proof);
  return roots !== null && equalBytes(roots.new, root) ? roots.old : null;
}

function isPerfect(size: bigint): boolean {
  return (size & (size - 1n)) === 0n;
}

/** Both roots that a path gives, 0 < oldSize < size; `null` if it has the wrong length. */
function rootsFromConsistency(
  oldSize: bigint,
  size: bigint,
  path: readonly Hash[],
): { old: Hash; new: Hash } | null {
  let fn = oldSize - 1n;
  let sn = size - 1n;
  while (fn & 1n) {
    fn >>= 1n;
    sn >>= 1n;
  }
  const [first, ...rest] = path;
  if (first === undefined || path.some((hash) => hash.length !== HASH_SIZE)) return null;
  let oldComputed = first;
  let computed = first;
  for (const hash of rest) {
    if (sn === 0n) return null;
    if (fn & 1n || fn === sn) {
      oldComputed = nodeHash(hash, oldComputed);
      computed = nodeHash(hash, computed);
      while (!(fn & 1n) && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      computed = nodeHash(computed, hash);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n ? { old: oldComputed, new: computed } : null;
}
