/**
 * Reads a log through a given fetch, checking every hash and entry against one
 * checkpoint before anyone sees it: a log, a cache or a disk that answers wrongly
 * causes an error, never a wrong answer.
 *
 * How a tile is trusted: the partial tiles of all levels together give the root
 * hash; a full tile gives one hash of the tile above it, which is trusted first.
 *
 * @module
 */

import { encodeHex, equalBytes } from "./bytes.ts";
import { parseEntryBundle } from "./entry_bundle.ts";
import { type Hash, HASH_SIZE, leafHash, nodeHash } from "./hash.ts";
import { type NodeCoordinate, proveConsistency, proveInclusion, rootNodes } from "./proof.ts";
import {
  hashesOf,
  levelWidth,
  type Tile,
  TILE_WIDTH,
  tileAt,
  tilePath,
  tileShape,
} from "./tile.ts";

/**
 * Fetches a resource below the log's prefix: its bytes, or `null` when there is
 * none (HTTP 404). It throws for every other failure.
 */
export type FetchResource = (path: string) => Promise<Uint8Array | null>;

/** What the log served cannot be under the checkpoint it signed. */
export class LogMismatch extends Error {
  /** Tells it from other errors, also across workers. */
  override readonly name = "LogMismatch";
}

/** The tree that is read: size and root hash of a verified checkpoint. */
export interface TreeHead {
  /** The tree size. */
  readonly size: bigint;
  /** The root hash. */
  readonly root: Hash;
}

/** Reads one log at one verified checkpoint. */
export class LogReader {
  readonly #fetch: FetchResource;
  readonly #head: TreeHead;
  /** Full hash tiles by path, least recently used first; each resolves once it is trusted. */
  readonly #tiles = new Map<string, Promise<Uint8Array>>();
  readonly #cachedTiles: number;
  /** The partial tiles by level, once they are known to give the root. */
  #edge: Promise<ReadonlyMap<number, Uint8Array>> | undefined;

  /**
   * Makes a reader.
   *
   * @param head The tree to read; the caller has verified its checkpoint.
   * @param fetch Where resources come from.
   * @param options `cachedTiles`: how many trusted tiles of 8 KiB to remember, 1,024 by default.
   */
  constructor(
    head: TreeHead,
    fetch: FetchResource,
    options: { readonly cachedTiles?: number } = {},
  ) {
    this.#head = head;
    this.#fetch = fetch;
    this.#cachedTiles = options.cachedTiles ?? 1024;
  }

  /** The size of the tree that is read. */
  get size(): bigint {
    return this.#head.size;
  }

  /**
   * The inclusion proof of an entry.
   *
   * @throws {LogMismatch} If the log does not serve the tree of its checkpoint.
   */
  proveInclusion(index: bigint): Promise<Hash[]> {
    return proveInclusion(
      index,
      this.#head.size,
      (nodes) => this.readHashes(nodes),
    );
  }

  /**
   * The consistency proof from a smaller size of the same log.
   *
   * @throws {LogMismatch} If the log does not serve the tree of its checkpoint.
   */
  proveConsistency(oldSize: bigint): Promise<Hash[]> {
    return proveConsistency(
      oldSize,
      this.#head.size,
      (nodes) => this.readHashes(nodes),
    );
  }

  /**
   * The trusted entries of a bundle.
   *
   * @param bundle The bundle's index; entry `i` of it has leaf index `256 × bundle + i`.
   * @throws {LogMismatch} If the log does not serve the tree of its checkpoint.
   */
  async readEntries(bundle: bigint): Promise<Uint8Array[]> {
    const tile = tileAt("entries", bundle, this.#head.size);
    if (!tile) {
      throw new RangeError(
        `Cannot read entry bundle ${bundle}: it is beyond the tree`,
      );
    }
    const [bytes, hashes] = await Promise.all([
      this.#fetchTile(tile),
      this.readTile({ ...tile, level: 0 }),
    ]);
    // The full bundle may stand in for a partial one.
    const width = bytes.partialIsGone ? TILE_WIDTH : tile.width;
    let entries: Uint8Array[];
    try {
      entries = parseEntryBundle(bytes.bytes, width).slice(0, tile.width);
    } catch (error) {
      throw new LogMismatch(`${tilePath(tile)}: ${(error as Error).message}`);
    }
    entries.forEach((entry, i) => {
      if (
        equalBytes(
          leafHash(entry),
          hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE),
        )
      ) return;
      throw new LogMismatch(
        `entry ${bundle * 256n + BigInt(i)} in ${
          tilePath(tile)
        } is not the one under the root hash`,
      );
    });
    return entries;
  }

  /**
   * Trusted node hashes, in the order asked for.
   *
   * @throws {LogMismatch} If the log does not serve the tree of its checkpoint.
   */
  readHashes(nodes: readonly NodeCoordinate[]): Promise<Hash[]> {
    return Promise.all(nodes.map(async ({ height, index }) => {
      if ((index + 1n) << BigInt(height) > this.#head.size) {
        throw new RangeError("Cannot read node: it is beyond the tree");
      }
      const level = Math.floor(height / 8);
      const span = 1n << BigInt(height % 8); // How many of the tile's hashes it covers.
      const first = index * span;
      const tile = tileAt(level, first / 256n, this.#head.size)!;
      const bytes = await this.readTile(tile);
      const offset = Number(first % 256n) * HASH_SIZE;
      return perfectRoot(
        bytes.subarray(offset, offset + Number(span) * HASH_SIZE),
      );
    }));
  }

  /**
   * The trusted bytes of a hash tile of this tree. Not a copy: not to be changed.
   *
   * @throws {LogMismatch} If the log does not serve the tree of its checkpoint.
   * @throws {RangeError} If the tree has no hash tile of this level, index and width.
   */
  async readTile(tile: Tile): Promise<Uint8Array> {
    const { level, index, width } = tile;
    if (
      level === "entries" ||
      tileAt(level, index, this.#head.size)?.width !== width
    ) throw new RangeError("Cannot read tile: the tree does not have it");
    if (width < TILE_WIDTH) return (await this.#rightEdge()).get(level)!;
    const path = tilePath(tile);
    const known = this.#tiles.get(path);
    const bytes = known ?? this.#readFullTile(path, tile, level);
    this.#tiles.delete(path);
    this.#tiles.set(path, bytes);
    if (this.#tiles.size > this.#cachedTiles) {
      this.#tiles.delete(this.#tiles.keys().next().value!);
    }
    // A failed fetch may be tried again.
    if (!known) bytes.catch(() => this.#tiles.delete(path));
    return await bytes;
  }

  /** Fetches a full tile, which one hash of the tile above it vouches for. */
  async #readFullTile(
    path: string,
    tile: Tile,
    level: number,
  ): Promise<Uint8Array> {
    const above = tileAt(level + 1, tile.index / 256n, this.#head.size)!;
    const [parent, { bytes }] = await Promise.all([
      this.readTile(above),
      this.#fetchTile(tile),
    ]);
    const offset = Number(tile.index % 256n) * HASH_SIZE;
    if (
      !equalBytes(
        perfectRoot(bytes),
        parent.subarray(offset, offset + HASH_SIZE),
      )
    ) {
      throw new LogMismatch(
        `${path} does not lead to the root hash of the checkpoint`,
      );
    }
    return bytes;
  }

  /** The partial tiles by level, proven to give the root hash. */
  #rightEdge(): Promise<ReadonlyMap<number, Uint8Array>> {
    if (!this.#edge) {
      this.#edge = this.#readRightEdge();
      this.#edge.catch(() => this.#edge = undefined); // As above.
    }
    return this.#edge;
  }

  async #readRightEdge(): Promise<ReadonlyMap<number, Uint8Array>> {
    const { size, root } = this.#head;
    const partial = tileShape(size).filter(({ partialWidth }) => partialWidth > 0);
    const edge = new Map(
      await Promise.all(
        partial.map(async ({ level, fullTiles, partialWidth }) => {
          const tile = { level, index: fullTiles, width: partialWidth };
          return [level, (await this.#fetchTile(tile)).bytes] as const;
        }),
      ),
    );
    const hashes = rootNodes(size).map(({ height, index }) => {
      const span = 1 << height % 8;
      const offset = Number(index * BigInt(span) % 256n) * HASH_SIZE;
      const bytes = edge.get(Math.floor(height / 8))!;
      return perfectRoot(bytes.subarray(offset, offset + span * HASH_SIZE));
    });
    const computed = hashes.reduceRight((right, left) => nodeHash(left, right));
    if (!equalBytes(computed, root)) {
      throw new LogMismatch(
        `the partial tiles of size ${size} give the root hash ${encodeHex(computed)}, ` +
          `not ${encodeHex(root)} as the checkpoint says`,
      );
    }
    return edge;
  }

  /** Fetches a tile, or the full one in place of a partial one that was deleted. */
  async #fetchTile(
    tile: Tile,
  ): Promise<{ bytes: Uint8Array; partialIsGone: boolean }> {
    const path = tilePath(tile);
    let bytes = await this.#fetch(path);
    let partialIsGone = false;
    if (!bytes && tile.width < TILE_WIDTH) {
      bytes = await this.#fetch(tilePath({ ...tile, width: TILE_WIDTH }));
      partialIsGone = true;
    }
    if (!bytes) throw new LogMismatch(`the log does not serve ${path}`);
    if (tile.level === "entries") return { bytes, partialIsGone };
    const expected = (partialIsGone ? TILE_WIDTH : tile.width) * HASH_SIZE;
    if (bytes.length !== expected) {
      throw new LogMismatch(
        `${path} has ${bytes.length} bytes, not ${expected}`,
      );
    }
    return { bytes: bytes.subarray(0, tile.width * HASH_SIZE), partialIsGone };
  }
}

/** The root of a perfect subtree from the hashes at its bottom: 1, 2, 4, … 256 of them. */
function perfectRoot(bytes: Uint8Array): Hash {
  let hashes = hashesOf(bytes);
  while (hashes.length > 1) {
    const above: Hash[] = [];
    for (let i = 0; i < hashes.length; i += 2) {
      above.push(nodeHash(hashes[i]!, hashes[i + 1]!));
    }
    hashes = above;
  }
  return hashes[0]!;
}

/** How many entry bundles the tree of a size has. */
export function bundleCount(size: bigint): bigint {
  return (levelWidth(0, size) + 255n) / 256n;
}
