/**
 * The second opinion: the root hash once more, from the very bytes that will be
 * stored, in another worker and its own memory, in another way. `integrate.ts`
 * goes up the heights of the tree; this reads entry bundles and tiles like a
 * client does. A flipped bit cannot be in both, and a wrong kernel cannot hide
 * from the sample that is hashed natively. Any disagreement throws, and the
 * process stops unsigned.
 *
 * The state kept between batches is its own too: the objects at the right edge.
 *
 * @module
 */

import {
  concat,
  type CountedBundle,
  equalBytes,
  type Hash,
  HASH_SIZE,
  joinBundles,
  nodeHash,
  TILE_WIDTH,
  tilePath,
} from "@indelible/core";
import { KernelMemory } from "@indelible/core/kernel";
import { checkSample, leafMessages, nodeMessages } from "./native_sample.ts";
import type { StoredObject } from "./storage/objects.ts";
import { hashAt, shiftRight } from "./tree.ts";

/** The objects at the right edge of a tree. */
export interface StoredEdge {
  /** The tree size. */
  readonly size: number;
  /** The partial tile of each level, empty where there is none. */
  readonly partialTiles: readonly Uint8Array[];
  /** The partial entry bundle, empty when there is none. */
  readonly partialBundle: Uint8Array;
}

/** Recomputes root hashes from stored objects, batch by batch. */
export class SecondOpinion {
  readonly #memory = new KernelMemory();
  #edge: StoredEdge;
  /** The edge after the last batch asked about, which may or may not have been committed. */
  #next: StoredEdge | undefined;

  /** @param edge What is stored at the right edge now. */
  constructor(edge: StoredEdge) {
    this.#edge = edge;
  }

  /**
   * The root hash of the tree that a batch's objects make.
   *
   * @param oldSize The tree size before the batch; it tells whether the last one was committed.
   * @param size The tree size after the batch.
   * @param objects The batch's objects as they will be stored.
   * @throws {Error} If an object is missing, superfluous or wrong, naming it.
   */
  rootOf(
    oldSize: number,
    size: number,
    objects: readonly StoredObject[],
  ): Hash {
    if (this.#next?.size === oldSize) this.#edge = this.#next;
    if (this.#edge.size !== oldSize) {
      throw new Error(
        `Second opinion: it knows size ${this.#edge.size}, not ${oldSize}`,
      );
    }
    const rest = new Map(objects.map(({ path, bytes }) => [path, bytes]));
    const take = (
      level: number | "entries",
      index: number,
      width: number,
    ): Uint8Array => {
      const path = tilePath({ level, index: BigInt(index), width });
      const bytes = rest.get(path);
      if (!bytes) throw new Error(`Second opinion: ${path} is missing`);
      rest.delete(path);
      return bytes;
    };
    const { hashes, partialBundle } = this.#leafHashes(size, take);
    const partialTiles = this.#tiles(size, hashes, take);
    for (const path of rest.keys()) {
      throw new Error(`Second opinion: ${path} has no place`);
    }
    this.#next = { size, partialTiles, partialBundle };
    return this.#root(size, partialTiles);
  }

  /** The leaf hashes of the batch's entries, read from the bundles. */
  #leafHashes(size: number, take: Take) {
    const oldSize = this.#edge.size;
    let partialBundle = this.#edge.partialBundle;
    const fresh: CountedBundle[] = [];
    for (
      let index = Math.floor(oldSize / TILE_WIDTH);
      index * TILE_WIDTH < size;
      index++
    ) {
      const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
      const old = Math.max(0, oldSize - index * TILE_WIDTH);
      const bundle = take("entries", index, width);
      if (
        !equalBytes(bundle.subarray(0, partialBundle.length), partialBundle)
      ) {
        throw new Error(
          `Second opinion: entry bundle ${index} changes entries of the past`,
        );
      }
      fresh.push({ bytes: bundle.subarray(partialBundle.length), count: width - old });
      // A copy: what is kept must not hold the whole batch.
      partialBundle = width < TILE_WIDTH ? bundle.slice() : new Uint8Array(0);
    }
    const entries = joinBundles(fresh);
    const hashes = this.#memory.hashSlab(entries);
    checkSample(size - oldSize, leafMessages(entries), hashes);
    return { hashes, partialBundle };
  }

  /** Checks the tiles of every level; the roots of full ones are fresh hashes of the next. */
  #tiles(size: number, leaves: Uint8Array, take: Take): Uint8Array[] {
    const partialTiles: Uint8Array[] = [];
    let fresh = leaves;
    for (let level = 0; shiftRight(size, 8 * level) > 0; level++) {
      const oldWidth = shiftRight(this.#edge.size, 8 * level);
      const width = shiftRight(size, 8 * level);
      const oldPartial = this.#edge.partialTiles[level] ?? new Uint8Array(0);
      const expected = concat(oldPartial, fresh);
      const full: Uint8Array[] = [];
      let partial = width > oldWidth ? new Uint8Array(0) : oldPartial;
      for (
        let index = Math.floor(oldWidth / TILE_WIDTH), at = 0;
        width > oldWidth && index * TILE_WIDTH < width;
        index++
      ) {
        const tileWidth = Math.min(TILE_WIDTH, width - index * TILE_WIDTH);
        const tile = take(level, index, tileWidth);
        if (
          !equalBytes(tile, expected.subarray(at, at += tileWidth * HASH_SIZE))
        ) {
          throw new Error(
            `Second opinion: tile ${index} of level ${level} is wrong`,
          );
        }
        if (tileWidth === TILE_WIDTH) full.push(tile);
        else partial = tile.slice();
      }
      partialTiles.push(partial);
      fresh = this.#tileRoots(full);
    }
    return partialTiles;
  }

  /** The roots of full tiles, all tiles together, one height after the other. */
  #tileRoots(tiles: readonly Uint8Array[]): Uint8Array {
    let below: Uint8Array = concat(...tiles);
    for (const above of this.#memory.rowsAbove(below, 8)) {
      checkSample(above.length / HASH_SIZE, nodeMessages(below), above);
      below = above;
    }
    return below;
  }

  /** The root hash from the partial tiles, as a client computes it. */
  #root(size: number, partialTiles: readonly Uint8Array[]): Hash {
    let root: Hash | null = null;
    partialTiles.forEach((tile, level) => {
      const width = shiftRight(size, 8 * level) % TILE_WIDTH;
      for (let height = 0, end = width; height < 8; height++) {
        const span = 2 ** height;
        if (Math.floor(width / span) % 2 === 0) continue;
        end -= span;
        const node = perfectRoot(tile, end, span);
        root = root ? nodeHash(node, root) : node;
      }
    });
    return root!;
  }
}

type Take = (
  level: number | "entries",
  index: number,
  width: number,
) => Uint8Array;

function perfectRoot(tile: Uint8Array, start: number, span: number): Hash {
  if (span === 1) return hashAt(tile, start);
  const half = span / 2;
  return nodeHash(
    perfectRoot(tile, start, half),
    perfectRoot(tile, start + half, half),
  );
}
