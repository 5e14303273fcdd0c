/**
 * A slice of a log as `fsck` checks it in one go: consecutive full entry bundles and the
 * level 0 tiles beside them. The thread that reads the log gathers slices; workers check
 * them (`fsck_slice_check.ts`).
 *
 * @module
 */

import { HASH_SIZE, TILE_WIDTH } from "@indelible/core";

/** Bytes of a full hash tile. */
export const TILE_BYTES = TILE_WIDTH * HASH_SIZE;
/** Bundles of a slice at most. */
export const SLICE_BUNDLES = 16;
/**
 * Where the bundles begin: behind the tiles, as many as there can be, and room for what
 * a tile that is too long has more.
 */
const BUNDLES_AT = SLICE_BUNDLES * TILE_BYTES + 64;
/** Room for the bundles at first: their entries have 150 bytes or so. */
const FIRST_ROOM = SLICE_BUNDLES * TILE_WIDTH * 200;

/** A slice. Threads share its bytes: what is passed from one to the other is a reference. */
export interface Slice {
  /** Index of its first bundle. */
  readonly first: number;
  /** Tiles and bundles, each one after the other. */
  readonly buffer: SharedArrayBuffer;
  /** Where each bundle ends among the bundles. */
  readonly ends: readonly number[];
}

/** The tiles of a slice, without copying. */
export function tilesOf({ buffer, ends }: Slice): Uint8Array {
  return new Uint8Array(buffer, 0, ends.length * TILE_BYTES);
}

/** The bundles of a slice, without copying. */
export function bundlesOf({ buffer, ends }: Slice): Uint8Array {
  return new Uint8Array(buffer, BUNDLES_AT, ends.at(-1) ?? 0);
}

/** Copies of one bundle and its tile. */
export function pairOf(slice: Slice, place: number): { bundle: Uint8Array; tile: Uint8Array } {
  return {
    bundle: bundlesOf(slice).slice(slice.ends[place - 1] ?? 0, slice.ends[place]),
    tile: tilesOf(slice).slice(place * TILE_BYTES, (place + 1) * TILE_BYTES),
  };
}

/** Gathers slices. Each bundle that is added is the one after the last. */
export class SliceBuilder {
  #bytes: Uint8Array<SharedArrayBuffer> = newBytes(FIRST_ROOM);
  #first = 0;
  #ends: number[] = [];

  /** How many bundles it has gathered. */
  get count(): number {
    return this.#ends.length;
  }

  /**
   * Adds a pair.
   *
   * @param index The bundle's index.
   * @param bundle Its bytes.
   * @param tile The bytes of the full tile beside it.
   */
  add(index: number, bundle: Uint8Array, tile: Uint8Array): void {
    const start = this.#start();
    if (start + bundle.length > this.#bytes.length) {
      const larger = newBytes(2 * (start + bundle.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(tile, this.count * TILE_BYTES);
    this.#bytes.set(bundle, start);
    this.#end(index, start + bundle.length);
  }

  /**
   * Adds a pair that is read into the slice.
   *
   * @param index The bundle's index.
   * @param readTile Reads the tile into memory; gives its length, or -1 if it cannot.
   * @param readBundle Likewise the bundle.
   * @returns Whether both could be read, and the tile has its length.
   */
  read(
    index: number,
    readTile: (target: Uint8Array) => number,
    readBundle: (target: Uint8Array) => number,
  ): boolean {
    const tileAt = this.count * TILE_BYTES;
    // A byte too many is room enough to see that a tile is too long.
    const tile = readTile(this.#bytes.subarray(tileAt, tileAt + TILE_BYTES + 1));
    if (tile !== TILE_BYTES) return false;
    const start = this.#start();
    const length = readBundle(this.#bytes.subarray(start));
    if (length < 0) return false;
    this.#end(index, start + length);
    return true;
  }

  /**
   * Gives the slice and starts the next one.
   *
   * @param buffer Memory of a slice that is done with.
   */
  take(buffer?: SharedArrayBuffer): Slice {
    const slice = { first: this.#first, buffer: this.#bytes.buffer, ends: this.#ends };
    this.#bytes = buffer ? new Uint8Array(buffer) : newBytes(this.#start());
    this.#ends = [];
    return slice;
  }

  /** Where the next bundle goes. */
  #start(): number {
    return BUNDLES_AT + (this.#ends.at(-1) ?? 0);
  }

  #end(index: number, end: number): void {
    if (this.count === 0) this.#first = index;
    this.#ends.push(end - BUNDLES_AT);
  }
}

/** Memory for a slice whose bundles have so many bytes. */
function newBytes(room: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(BUNDLES_AT + room));
}
