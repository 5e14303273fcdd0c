/**
 * Integrates a batch: tree, new entries and the nodes that they make in; next tree, the
 * changed tiles and entry bundles out. Pure and without hashing: the hash pool has made
 * the nodes, storage is not its business. Step 3 of `sequencer.ts`.
 *
 * The nodes come as rows, by height of the tree. Where a pair's left node is older than
 * the batch, it is on the old right edge, and its row begins with it.
 *
 * @module
 */

import {
  concat,
  entryCount,
  type EntrySlab,
  type Hash,
  HASH_SIZE,
  nodeHash,
  slabBundle,
  TILE_WIDTH,
  tilePath,
} from "@indelible/core";
import type { GrowingTree, NodeRow } from "@indelible/core/kernel";
import type { StoredObject } from "./storage/objects.ts";
import { hasBit, hashAt, shiftRight, type Tree } from "./tree.ts";

export type { NodeRow };

/** Hashes in bulk. */
export interface Hasher {
  /**
   * The perfect nodes that entries make in a tree.
   *
   * @param tree The tree before.
   * @param entries The new entries, at least one.
   * @returns By height, the leaf hashes first.
   */
  growRows(tree: GrowingTree, entries: EntrySlab): Promise<NodeRow[]>;
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
 * @param rows The nodes that they make in it, by height.
 */
export function integrate(tree: Tree, entries: EntrySlab, rows: readonly NodeRow[]): Integrated {
  const size = tree.size + entryCount(entries);
  const { tiles, partialTiles } = cutTiles(tree, size, rows);
  const { bundles, partialBundle } = cutBundles(tree, entries);
  const edge = nextEdge(size, rows);
  return {
    tree: { size, root: rootOf(edge), edge, partialTiles, partialBundle },
    objects: [...bundles, ...tiles],
    rows,
  };
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

function cutBundles(tree: Tree, entries: EntrySlab) {
  const bundles: StoredObject[] = [];
  const count = entryCount(entries);
  let partialBundle = tree.partialBundle;
  let width = tree.size % TILE_WIDTH;
  let bundle = Math.floor(tree.size / TILE_WIDTH);
  for (let at = 0; at < count; bundle++, width = 0) {
    const taken = Math.min(TILE_WIDTH - width, count - at);
    const fresh = slabBundle(entries, at, at += taken);
    const bytes = width > 0 ? concat(partialBundle, fresh) : fresh;
    const newWidth = width + taken;
    bundles.push({ path: pathOf("entries", bundle, newWidth), bytes });
    // A copy: the tree must not keep the whole batch in memory.
    partialBundle = newWidth < TILE_WIDTH ? bytes.slice() : new Uint8Array(0);
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
