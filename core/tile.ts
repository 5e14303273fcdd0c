/**
 * Tiles: their coordinates, paths and widths, and which of them a growth of the
 * tree touches (C2SP tlog-tiles).
 *
 * @module
 */

import { MAX_INT63 } from "./bytes.ts";
import { HASH_SIZE } from "./hash.ts";

/** Hashes in a full tile, entries in a full entry bundle. */
export const TILE_WIDTH = 256;

/** Levels go up to 63, though a tree of 2^63 entries needs only eight. */
const MAX_LEVEL = 63;

/** Which tile: a level of the tree, or the entry bundles beside level 0. */
export interface Tile {
  /** 0 holds leaf hashes; level L+1 holds the roots of full tiles of level L. */
  readonly level: number | "entries";
  /** Its place from the left. */
  readonly index: bigint;
  /** How many hashes or entries: 1–255 when partial, else 256. */
  readonly width: number;
}

/**
 * The path of a tile below the log's prefix: `tile/0/x001/234.p/7`.
 *
 * @throws {RangeError} If there can be no such tile.
 */
export function tilePath({ level, index, width }: Tile): string {
  if (
    (level !== "entries" && !isWithin(level, 0, MAX_LEVEL)) ||
    !isWithin(width, 1, TILE_WIDTH) || index < 0n || index > MAX_INT63
  ) {
    throw new RangeError(
      `Cannot name tile: there is none at level ${level}, index ${index}, width ${width}`,
    );
  }
  const digits = index.toString();
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(
    /.{3}/g,
  )!;
  const last = groups.pop()!;
  const folders = groups.map((group) => `x${group}/`).join("");
  const suffix = width === TILE_WIDTH ? "" : `.p/${width}`;
  return `tile/${level}/${folders}${last}${suffix}`;
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

const TILE_PATH =
  /^tile\/(entries|[0-9]|[1-5][0-9]|6[0-3])\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;
const MAX_INDEX_GROUPS = 7;

/**
 * Parses a tile path: only what {@linkcode tilePath} writes, so each tile has
 * one spelling and no path leaves the log's folder.
 *
 * @throws {SyntaxError} If the path is spelled in any other way.
 */
export function parseTilePath(path: string): Tile {
  const match = TILE_PATH.exec(path);
  const groups = match?.[2]?.split("/") ?? [];
  const redundant = groups.length > 1 && groups[0] === "x000";
  const width = match?.[3] === undefined ? TILE_WIDTH : Number(match[3]);
  const partialTooWide = match?.[3] !== undefined && width >= TILE_WIDTH;
  if (
    !match || redundant || partialTooWide || groups.length > MAX_INDEX_GROUPS
  ) {
    throw new SyntaxError(
      "Cannot parse tile path: not a canonical tlog-tiles path",
    );
  }
  const index = BigInt(groups.map((group) => group.slice(-3)).join(""));
  if (index > MAX_INT63) {
    throw new SyntaxError("Cannot parse tile path: the index is over 2^63-1");
  }
  const level = match[1] === "entries" ? "entries" : Number(match[1]);
  return { level, index, width };
}

/** How many hashes stand at a level of the tree of this size. */
export function levelWidth(level: number, size: bigint): bigint {
  return size >> BigInt(8 * level);
}

/** One level of a tree's tiles: how many are full, how wide the partial one is. */
export interface LevelShape {
  /** The level, from 0. */
  readonly level: number;
  /** How many full tiles it has. */
  readonly fullTiles: bigint;
  /** Width of its rightmost tile when that is partial, else 0. */
  readonly partialWidth: number;
}

/** The levels of the tree of this size, lowest first. */
export function tileShape(size: bigint): LevelShape[] {
  const levels: LevelShape[] = [];
  for (let level = 0; level <= MAX_LEVEL; level++) {
    const hashes = levelWidth(level, size);
    if (hashes === 0n) break;
    levels.push({
      level,
      fullTiles: hashes / 256n,
      partialWidth: Number(hashes % 256n),
    });
  }
  return levels;
}

/** The tile of a level at an index as it is in the tree of this size, or `null`. */
export function tileAt(
  level: number | "entries",
  index: bigint,
  size: bigint,
): Tile | null {
  const hashes = levelWidth(level === "entries" ? 0 : level, size) -
    index * 256n;
  if (hashes <= 0n || index < 0n) return null;
  return { level, index, width: hashes >= 256n ? TILE_WIDTH : Number(hashes) };
}

/**
 * The hash tiles to write when a tree grows, lowest level first. The entry
 * bundles to write are those beside the level 0 tiles.
 *
 * @throws {RangeError} If the tree would shrink.
 */
export function newTiles(oldSize: bigint, size: bigint): Tile[] {
  if (oldSize < 0n || oldSize > size) {
    throw new RangeError(`Cannot grow tree: from ${oldSize} to ${size}`);
  }
  const tiles: Tile[] = [];
  for (const { level } of tileShape(size)) {
    const oldHashes = levelWidth(level, oldSize);
    const hashes = levelWidth(level, size);
    if (hashes === oldHashes) continue;
    for (let index = oldHashes / 256n; index * 256n < hashes; index++) {
      tiles.push(tileAt(level, index, size)!);
    }
  }
  return tiles;
}

/** Every hash tile of the tree of this size, lowest level first. */
export function allTiles(size: bigint): Tile[] {
  return newTiles(0n, size);
}

/** Cuts the bytes of a hash tile into its hashes, without copying. */
export function hashesOf(tile: Uint8Array): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < tile.length; at += HASH_SIZE) {
    hashes.push(tile.subarray(at, at + HASH_SIZE));
  }
  return hashes;
}
