/**
 * Reads what `fsck` compares: entry bundles and the level 0 tiles beside them, in pairs,
 * and the tiles above. Says what is wrong with an object by itself.
 *
 * @module
 */

import {
  equalBytes,
  HASH_SIZE,
  parseEntryBundle,
  type Tile,
  TILE_WIDTH,
  tileAt,
  tilePath,
} from "@indelible/core";
import { pairOf, type Slice, type SliceBuilder } from "./fsck_slice.ts";
import type { LogObjects } from "./log_source.ts";

/** An object's bytes, if there are any, and the width of the tile they are of. */
export interface Fetched {
  /** `null` when there is no such object. */
  readonly bytes: Uint8Array | null;
  /** A full tile may stand in for a partial one. */
  readonly width: number;
}

/** An entry bundle and the tile beside it. */
export interface Pair {
  /** The bundle as a tile of the tree. */
  readonly tile: Tile;
  /** The bundle. */
  readonly entries: Fetched;
  /** The tile. */
  readonly leaves: Fetched;
}

/** Reads the objects of a tree. */
export class PairReader {
  readonly #objects: LogObjects;
  readonly #size: bigint;

  /**
   * Prepares.
   *
   * @param objects The log's objects.
   * @param size The tree size.
   */
  constructor(objects: LogObjects, size: bigint) {
    this.#objects = objects;
    this.#size = size;
  }

  /** Whether it is worth asking for pairs at once. */
  get mayReadNow(): boolean {
    return this.#objects.readNow !== undefined;
  }

  /**
   * Reads a pair into a slice, where that takes no time.
   *
   * @param bundle The index of a full bundle.
   * @param slice What gathers the slice.
   * @returns Whether it has been read; else it is to be fetched.
   */
  readNow(bundle: number, slice: SliceBuilder): boolean {
    const { readNow } = this.#objects;
    if (!readNow) return false;
    const tile = { level: "entries", index: BigInt(bundle), width: TILE_WIDTH } as const;
    return slice.read(
      bundle,
      (target) => readNow(tilePath({ ...tile, level: 0 }), target),
      (target) => readNow(tilePath(tile), target),
    );
  }

  /** Fetches a pair by the index of its bundle. */
  async fetchPair(bundle: number): Promise<Pair> {
    const tile = tileAt("entries", BigInt(bundle), this.#size)!;
    const [entries, leaves] = await Promise.all([
      this.fetchTile(tile),
      this.fetchTile({ ...tile, level: 0 }),
    ]);
    return { tile, entries, leaves };
  }

  /** Fetches a tile, or the full one in place of a partial one that is gone. */
  async fetchTile(tile: Tile): Promise<Fetched> {
    const bytes = await this.#objects.fetch(tilePath(tile));
    if (bytes || tile.width === TILE_WIDTH) return { bytes, width: tile.width };
    const full = await this.#objects.fetch(tilePath({ ...tile, width: TILE_WIDTH }));
    return full ? { bytes: full, width: TILE_WIDTH } : { bytes: null, width: tile.width };
  }
}

/** A pair out of a slice. */
export function pairIn(slice: Slice, place: number): Pair {
  const { bundle, tile } = pairOf(slice, place);
  return {
    tile: { level: "entries", index: BigInt(slice.first + place), width: TILE_WIDTH },
    entries: { bytes: bundle, width: TILE_WIDTH },
    leaves: { bytes: tile, width: TILE_WIDTH },
  };
}

/** The entries of a bundle, or what is wrong with it. */
export function entriesOf(tile: Tile, { bytes, width }: Fetched): Uint8Array[] | string {
  if (!bytes) return "the log has no such object";
  try {
    return parseEntryBundle(bytes, width).slice(0, tile.width);
  } catch (error) {
    return (error as Error).message;
  }
}

/** The hashes of a tile, or what is wrong with it. */
export function hashesOf(tile: Tile, { bytes, width }: Fetched): Uint8Array | string {
  if (!bytes) return "the log has no such object";
  const length = width * HASH_SIZE;
  if (bytes.length !== length) return `it has ${bytes.length} bytes, not ${length}`;
  return bytes.subarray(0, tile.width * HASH_SIZE);
}

/** The place of the first hash that differs, or -1. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (equalBytes(a, b)) return -1;
  return Math.floor(a.findIndex((byte, i) => byte !== b[i]) / HASH_SIZE);
}
