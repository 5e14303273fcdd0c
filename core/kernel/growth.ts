/**
 * The growth of a tree, as a job for kernels over one memory: the leaf hashes of new
 * entries and every perfect node above them, row by row of the tree.
 *
 * The rows up to a height fall into *chunks*, the subtrees of that height. A chunk
 * needs nothing of the others, so kernels of several threads take them in any order
 * and never wait for each other; it is small enough to stay in a core's own cache.
 * What is above the chunks, a few nodes for each thousand entries, is the *crown*,
 * done by one kernel when all of them are there.
 *
 * @module
 */

import { ENTRY_LENGTH_BYTES } from "../entry_slab.ts";
import { HASH_SIZE } from "../hash.ts";
import type { Kernel } from "./kernel.ts";

/** A growth, laid out in a memory. */
export interface Growth {
  /** The tree size before. For chunks alone its remainder by `2^chunkHeight` does as well. */
  readonly size: number;
  /** How many new entries there are. */
  readonly count: number;
  /** Offset of the entries: the bytes of a slab. */
  readonly source: number;
  /** Offset of the slab's offsets. */
  readonly offsets: number;
  /** Offset of the rows, see {@linkcode rowStart}. */
  readonly target: number;
  /** Height of the subtrees that are chunks. */
  readonly chunkHeight: number;
}

const MAX_CHUNK_HEIGHT = 9;
const MIN_CHUNK_HEIGHT = 2;
/** About what a chunk is to hash: a quarter of a millisecond's work. */
const CHUNK_BYTES = 96 * 1024;

/** The height of chunks for so many entries of so many bytes altogether. */
export function chunkHeightFor(count: number, bytes: number): number {
  const each = bytes / Math.max(1, count) + 2 * HASH_SIZE;
  const height = Math.floor(Math.log2(CHUNK_BYTES / each));
  return Math.max(MIN_CHUNK_HEIGHT, Math.min(MAX_CHUNK_HEIGHT, height));
}

/** How many chunks a growth has. */
export function chunkCount({ size, count, chunkHeight }: Growth): number {
  const span = 2 ** chunkHeight;
  return Math.ceil((size % span + count) / span);
}

/** How many new perfect nodes a growth has at a height. */
export function freshCount(
  { size, count }: Pick<Growth, "size" | "count">,
  height: number,
): number {
  return shift(size + count, height) - shift(size, height);
}

/** How many heights a growth's rows have: those at which the tree has perfect nodes. */
export function rowCount({ size, count }: Pick<Growth, "size" | "count">): number {
  let rows = 0;
  while (shift(size + count, rows) > 0) rows++;
  return rows;
}

/**
 * Offset of a height's new nodes. The place before them is that of the one old node
 * that the row may begin with: the right edge's, where it is the left of a pair.
 */
export function rowStart(
  growth: Pick<Growth, "size" | "count" | "target">,
  height: number,
): number {
  let start = growth.target + HASH_SIZE;
  for (let below = 0; below < height; below++) {
    start += (freshCount(growth, below) + 1) * HASH_SIZE;
  }
  return start;
}

/**
 * Hashes a chunk: its leaves, then its nodes height by height.
 *
 * @param kernel A kernel of the growth's memory.
 * @param growth The growth.
 * @param chunk Which chunk, below {@linkcode chunkCount}.
 */
export function hashChunk(kernel: Kernel, growth: Growth, chunk: number): void {
  const { count, source, offsets, chunkHeight } = growth;
  // From the start of the first chunk: the bits above say nothing about what is inside.
  const size = growth.size % 2 ** chunkHeight;
  const first = Math.max(size, chunk * 2 ** chunkHeight);
  const end = Math.min(size + count, (chunk + 1) * 2 ** chunkHeight);
  kernel.hashLeaves(
    source,
    offsets + (first - size) * Uint32Array.BYTES_PER_ELEMENT,
    rowStart(growth, 0) + (first - size) * HASH_SIZE,
    end - first,
    ENTRY_LENGTH_BYTES,
  );
  let row = rowStart(growth, 0);
  for (let height = 0; height < chunkHeight; height++) {
    const above = row + (freshCount(growth, height) + 1) * HASH_SIZE;
    const old = shift(size, height);
    const oldAbove = shift(size, height + 1);
    const from = Math.max(oldAbove, chunk * 2 ** (chunkHeight - height - 1));
    const nodes = shift(end, height + 1) - from;
    if (nodes <= 0) return;
    // The left child of the first may be the old node before the row: one place lower.
    kernel.hashNodes(
      row + (2 * from - old) * HASH_SIZE,
      above + (from - oldAbove) * HASH_SIZE,
      nodes,
    );
    row = above;
  }
}

/** Hashes what is above the chunks, once all of them are hashed. */
export function hashCrown(kernel: Kernel, growth: Growth): void {
  const { size, chunkHeight } = growth;
  let row = rowStart(growth, chunkHeight);
  for (let height = chunkHeight; freshCount(growth, height + 1) > 0; height++) {
    const above = row + (freshCount(growth, height) + 1) * HASH_SIZE;
    const old = shift(size, height);
    const oldAbove = shift(size, height + 1);
    kernel.hashNodes(row + (2 * oldAbove - old) * HASH_SIZE, above, freshCount(growth, height + 1));
    row = above;
  }
}

/** `floor(n / 2^height)`: shifts of numbers wrap at 32 bits. */
function shift(n: number, height: number): number {
  return Math.floor(n / 2 ** height);
}
