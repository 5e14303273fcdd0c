/**
 * Reads entries and proofs back from the stored objects, for repeats, conflicts,
 * look-ups, bundles and witnesses. Tiles that were read lately stay in memory
 * with all their inner nodes, so that a proof costs no hashing.
 *
 * @module
 */

import {
  equalBytes,
  type Hash,
  HASH_SIZE,
  leafHash,
  type NodeCoordinate,
  parseEntryBundle,
  proveConsistency,
  proveInclusion,
  type Tile,
  TILE_WIDTH,
  tileAt,
  tilePath,
} from "@indelible/core";
import { KernelMemory } from "@indelible/core/kernel";
import { Damaged } from "./storage/failure.ts";
import type { Objects } from "./storage/objects.ts";
import { hashAt } from "./tree.ts";

const CACHED_TILE_BYTES = 32 * 1024 * 1024;
const CACHED_BUNDLE_BYTES = 32 * 1024 * 1024;

/** By height within the tile: its perfect nodes, one after the other. */
type TileNodes = readonly Uint8Array[];

/** The stored log, at any size that was applied. */
export class StoredLog {
  readonly #objects: Pick<Objects, "read">;
  readonly #memory = new KernelMemory();
  readonly #tiles = new Cache<TileNodes>(CACHED_TILE_BYTES, (rows) => 2 * rows[0]!.length);
  readonly #bundles = new Cache<Uint8Array>(CACHED_BUNDLE_BYTES, ({ length }) => length);

  /** @param objects Where tiles and entry bundles are. */
  constructor(objects: Pick<Objects, "read">) {
    this.#objects = objects;
  }

  /** The inclusion proof of an entry in the tree of a size. */
  proveInclusion(index: number, size: number): Promise<Hash[]> {
    return proveInclusion(
      BigInt(index),
      BigInt(size),
      (nodes) => this.#read(nodes, size),
    );
  }

  /** The consistency proof between two sizes. */
  proveConsistency(oldSize: number, size: number): Promise<Hash[]> {
    return proveConsistency(
      BigInt(oldSize),
      BigInt(size),
      (nodes) => this.#read(nodes, size),
    );
  }

  /**
   * The bytes of an entry in the tree of a size.
   *
   * @throws {Damaged} If the stored entry is not the one in the tree.
   */
  async entry(index: number, size: number): Promise<Uint8Array> {
    const bundle = Math.floor(index / TILE_WIDTH);
    const tile = tileAt("entries", BigInt(bundle), BigInt(size));
    if (!tile) throw new RangeError(`Cannot read entry ${index}: the tree has size ${size}`);
    const path = tilePath(tile);
    const [bytes, [leaves]] = await Promise.all([
      this.#bundles.get(path, () => this.#object(path)),
      this.#tile({ ...tile, level: 0 }),
    ]);
    const entry = entryIn(bytes, index % TILE_WIDTH);
    if (entry && equalBytes(leafHash(entry), hashAt(leaves!, index % TILE_WIDTH))) return entry;
    throw new Damaged(path, `entry ${index} is not the one in the tree`);
  }

  /**
   * All entries of a bundle in the tree of a size, hashed in one go. Nothing of it is
   * remembered: this is for whoever reads the whole log.
   *
   * @throws {Damaged} If one of them is not the one in the tree.
   */
  async bundle(bundle: number, size: number): Promise<Uint8Array[]> {
    const tile = tileAt("entries", BigInt(bundle), BigInt(size));
    if (!tile) throw new RangeError(`Cannot read bundle ${bundle}: the tree has size ${size}`);
    const path = tilePath(tile);
    const [bytes, leaves] = await Promise.all([
      this.#object(path),
      this.#object(tilePath({ ...tile, level: 0 })),
    ]);
    let entries: Uint8Array[];
    try {
      entries = parseEntryBundle(bytes, tile.width);
    } catch (error) {
      throw new Damaged(path, (error as Error).message);
    }
    const job = this.#memory.placeEntries(entries);
    this.#memory.hash(job);
    if (equalBytes(this.#memory.read(job), leaves)) return entries;
    throw new Damaged(path, `its entries are not those of ${tilePath({ ...tile, level: 0 })}`);
  }

  /**
   * The hash of a node in the tree of a size.
   *
   * @throws {Damaged} If its tile is missing or has a wrong length.
   */
  async node({ height, index }: NodeCoordinate, size: number): Promise<Hash> {
    const inner = height % 8;
    const perTile = BigInt(TILE_WIDTH >> inner);
    const tile = tileAt(Math.floor(height / 8), index / perTile, BigInt(size));
    if (!tile) throw new RangeError("Cannot read node: it is beyond the tree");
    return hashAt((await this.#tile(tile))[inner]!, Number(index % perTile));
  }

  #read(nodes: readonly NodeCoordinate[], size: number): Promise<Hash[]> {
    return Promise.all(nodes.map((node) => this.node(node, size)));
  }

  #tile(tile: Tile): Promise<TileNodes> {
    const path = tilePath(tile);
    return this.#tiles.get(path, async () => {
      const bytes = await this.#object(path);
      if (bytes.length !== tile.width * HASH_SIZE) {
        throw new Damaged(path, "wrong length");
      }
      return [bytes, ...this.#memory.rowsAbove(bytes, 7)];
    });
  }

  async #object(path: string): Promise<Uint8Array> {
    const bytes = await this.#objects.read(path);
    if (!bytes) throw new Damaged(path, "it is missing");
    return bytes;
  }
}

/** The i-th entry of a bundle, or `null` when the bundle is too short for it. */
function entryIn(bundle: Uint8Array, i: number): Uint8Array | null {
  let at = 0;
  for (let skip = i;; skip--) {
    const start = at + 2;
    if (start > bundle.length) return null;
    const end = start + (bundle[at]! << 8 | bundle[at + 1]!);
    if (skip === 0) return end <= bundle.length ? bundle.subarray(start, end) : null;
    at = end;
  }
}

/** Remembers what was made last, up to so many bytes; concurrent callers share one making. */
class Cache<T> {
  readonly #limit: number;
  readonly #sizeOf: (value: T) => number;
  readonly #made = new Map<string, { readonly value: Promise<T>; size: number }>();
  #size = 0;

  constructor(limit: number, sizeOf: (value: T) => number) {
    this.#limit = limit;
    this.#sizeOf = sizeOf;
  }

  get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#made.get(key);
    if (known) {
      this.#made.delete(key);
      this.#made.set(key, known);
      return known.value;
    }
    const item = { value: make(), size: 0 };
    this.#made.set(key, item);
    item.value.then((value) => {
      item.size = this.#sizeOf(value);
      this.#size += item.size;
      this.#forgetOldest();
    }, () => this.#made.delete(key));
    return item.value;
  }

  #forgetOldest(): void {
    for (const [key, { size }] of this.#made) {
      if (this.#size <= this.#limit) return;
      this.#made.delete(key);
      this.#size -= size;
    }
  }
}
