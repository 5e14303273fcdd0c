/**
 * Integrates a batch: tree and new entries in; next tree, the changed tiles and
 * entry bundles, and every node that the batch's proofs need out. Pure: hashing
 * comes in as a function, storage is not its business. Step 3 of `sequencer.ts`.
 *
 * It works on whole heights of the tree: the new nodes of height h+1 are the
 * hashes of consecutive pairs at height h, so a batch of n entries takes about
 * log2(n) calls of the hasher. Where a pair's left node is older than the batch,
 * it is on the old right edge.
 *
 * @module
 */

import {
  concat,
  encodeEntryBundle,
  type Hash,
  HASH_SIZE,
  nodeHash,
  TILE_WIDTH,
  tilePath,
} from "@indelible/core";
import type { StoredObject } from "./storage/objects.ts";
import { hasBit, hashAt, shiftRight, type Tree } from "./tree.ts";

/** Hashes in bulk. */
export interface Hasher {
  /** The leaf hashes of entries, one after the other. */
  leafHashes(entries: readonly Uint8Array[]): Promise<Uint8Array>;
  /** The node hashes of consecutive pairs: 64 bytes in, 32 bytes out for each. */
  nodeHashes(pairs: Uint8Array): Promise<Uint8Array>;
}

/** Consecutive nodes of one height: new ones, and at most one old one at their left. */
export interface NodeRow {
  /** Index of the first node among those of its height. */
  readonly first: number;
  /** The hashes, one after the other. */
  readonly hashes: Uint8Array;
}

/** What integrating a batch gives. */
export interface Integrated {
  /** The next tree. */
  readonly tree: Tree;
  /** The tiles and entry bundles that changed, bundles first. */
  readonly objects: readonly StoredObject[];
  /** By height: the perfect nodes that the batch made, with the edge it grew from. */
  readonly rows: readonly NodeRow[];
}

/**
 * Extends a tree.
 *
 * @param tree The tree before.
 * @param entries The new entries, at least one.
 * @param leaves Their leaf hashes, one after the other.
 * @param hasher Where node hashes come from.
 */
export async function integrate(
  tree: Tree,
  entries: readonly Uint8Array[],
  leaves: Uint8Array,
  hasher: Pick<Hasher, "nodeHashes">,
): Promise<Integrated> {
  const size = tree.size + entries.length;
  const rows = await growRows(tree, size, leaves, hasher);
  const { tiles, partialTiles } = cutTiles(tree, size, rows);
  const { bundles, partialBundle } = cutBundles(tree, entries);
  const edge = nextEdge(size, rows);
  return {
    tree: { size, root: rootOf(edge), edge, partialTiles, partialBundle },
    objects: [...bundles, ...tiles],
    rows,
  };
}

async function growRows(
  tree: Tree,
  size: number,
  leaves: Uint8Array,
  hasher: Pick<Hasher, "nodeHashes">,
): Promise<NodeRow[]> {
  const rows: NodeRow[] = [];
  let fresh = leaves;
  for (let height = 0; shiftRight(size, height) > 0; height++) {
    const old = hasBit(tree.size, height) ? tree.edge.get(height)! : null;
    const hashes = old ? concat(old, fresh) : fresh;
    const first = shiftRight(tree.size, height) - (old ? 1 : 0);
    rows.push({ first, hashes });
    // `first` is even now: pairs start at the row's start.
    const pairs = Math.floor(hashes.length / (2 * HASH_SIZE));
    fresh = pairs === 0
      ? new Uint8Array(0)
      : await hasher.nodeHashes(hashes.subarray(0, pairs * 2 * HASH_SIZE));
  }
  return rows;
}

function nextEdge(size: number, rows: readonly NodeRow[]): Map<number, Hash> {
  const edge = new Map<number, Hash>();
  for (const [height, { first, hashes }] of rows.entries()) {
    if (!hasBit(size, height)) continue;
    // Were it older than the batch, it would be the old edge's node, which starts the row.
    edge.set(
      height,
      hashAt(hashes, shiftRight(size, height) - 1 - first).slice(),
    );
  }
  return edge;
}

/** The root hash over a right edge: folded from the lowest subtree up. */
export function rootOf(edge: ReadonlyMap<number, Hash>): Hash {
  const heights = [...edge.keys()].sort((a, b) => a - b);
  return heights.map((height) => edge.get(height)!)
    .reduce((right, left) => nodeHash(left, right));
}

function cutTiles(tree: Tree, size: number, rows: readonly NodeRow[]) {
  const tiles: StoredObject[] = [];
  const partialTiles: Uint8Array[] = [];
  for (let height = 0; height < rows.length; height += 8) {
    const level = height / 8;
    const oldWidth = shiftRight(tree.size, height);
    const width = shiftRight(size, height);
    const row = rows[height]!;
    const fresh = row.hashes.subarray((oldWidth - row.first) * HASH_SIZE);
    const oldPartial = tree.partialTiles[level] ?? new Uint8Array(0);
    const hashes = oldPartial.length === 0 ? fresh : concat(oldPartial, fresh);
    const firstTile = Math.floor(oldWidth / TILE_WIDTH);
    const full = Math.floor(width / TILE_WIDTH) - firstTile;
    for (let i = 0; i < full; i++) {
      const bytes = hashes.subarray(
        i * TILE_WIDTH * HASH_SIZE,
        (i + 1) * TILE_WIDTH * HASH_SIZE,
      );
      tiles.push({ path: pathOf(level, firstTile + i, TILE_WIDTH), bytes });
    }
    const partial = hashes.slice(full * TILE_WIDTH * HASH_SIZE);
    partialTiles.push(partial);
    if (partial.length > 0 && width > oldWidth) {
      const partialWidth = partial.length / HASH_SIZE;
      tiles.push({
        path: pathOf(level, firstTile + full, partialWidth),
        bytes: partial,
      });
    }
  }
  return { tiles, partialTiles };
}

function cutBundles(tree: Tree, entries: readonly Uint8Array[]) {
  const bundles: StoredObject[] = [];
  let partialBundle = tree.partialBundle;
  let width = tree.size % TILE_WIDTH;
  let bundle = Math.floor(tree.size / TILE_WIDTH);
  for (let at = 0; at < entries.length; bundle++, width = 0) {
    const taken = entries.slice(at, at += TILE_WIDTH - width);
    const bytes = concat(
      width > 0 ? partialBundle : new Uint8Array(0),
      encodeEntryBundle(taken),
    );
    const newWidth = width + taken.length;
    bundles.push({ path: pathOf("entries", bundle, newWidth), bytes });
    partialBundle = newWidth < TILE_WIDTH ? bytes : new Uint8Array(0);
  }
  return { bundles, partialBundle };
}

function pathOf(
  level: number | "entries",
  index: number,
  width: number,
): string {
  return tilePath({ level, index: BigInt(index), width });
}

/**
 * The tree of a stored log, from the objects at its right edge. The caller
 * compares the root hash with the signed one.
 *
 * @param size The tree size, not 0.
 * @param partialTiles The partial tile of each level, empty where there is none.
 * @param partialBundle The partial entry bundle, empty when there is none.
 */
export function treeFromStored(
  size: number,
  partialTiles: readonly Uint8Array[],
  partialBundle: Uint8Array,
): Tree {
  const edge = new Map<number, Hash>();
  for (let height = 0; shiftRight(size, height) > 0; height++) {
    if (!hasBit(size, height)) continue;
    const span = 2 ** (height % 8);
    const start = (shiftRight(size, height) - 1) * span % TILE_WIDTH;
    const tile = partialTiles[Math.floor(height / 8)]!;
    edge.set(
      height,
      perfectRoot(tile.subarray(start * HASH_SIZE, (start + span) * HASH_SIZE)),
    );
  }
  return { size, root: rootOf(edge), edge, partialTiles, partialBundle };
}

function perfectRoot(hashes: Uint8Array): Hash {
  const count = hashes.length / HASH_SIZE;
  if (count === 1) return hashes.slice();
  const half = hashes.length / 2;
  return nodeHash(
    perfectRoot(hashes.subarray(0, half)),
    perfectRoot(hashes.subarray(half)),
  );
}
