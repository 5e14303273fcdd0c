/**
 * The memory that kernels hash in: where a job's bytes, offsets and hashes lie.
 * The hash pool shares one with its workers; the second opinion has its own.
 *
 * What goes in is copied once, and what comes out is a copy: it is the caller's, in
 * memory that no worker can reach.
 *
 * @module
 */

import { ENTRY_LENGTH_BYTES, entryCount, type EntrySlab } from "../entry_slab.ts";
import { type Hash, HASH_SIZE } from "../hash.ts";
import {
  chunkCount,
  chunkHeightFor,
  freshCount,
  type Growth,
  hashChunk,
  hashCrown,
  rowCount,
  rowStart,
} from "./growth.ts";
import { instantiateKernel, type Kernel, KERNEL_RESERVED_BYTES, SCRATCH_BYTES } from "./kernel.ts";

/** A job for one kernel: offsets into the memory. */
export interface HashJob {
  /** Leaf hashes of entries, or node hashes of pairs. */
  readonly kind: "leaves" | "nodes";
  /** Where the bytes are. */
  readonly source: number;
  /** Where the entries' offsets are; unused for nodes. */
  readonly offsets: number;
  /** Where the hashes go. */
  readonly target: number;
  /** How many hashes. */
  readonly count: number;
}

/** Consecutive nodes of one height: new ones, and at most one old one at their left. */
export interface NodeRow {
  /** Index of the first node among those of its height. */
  readonly first: number;
  /** The hashes, one after the other. */
  readonly hashes: Uint8Array;
}

/** What of a tree is needed to grow it. */
export interface GrowingTree {
  /** How many entries it holds. */
  readonly size: number;
  /** Root of the perfect subtree of 2^height leaves at the right edge; set where `size` has that bit. */
  readonly edge: ReadonlyMap<number, Hash>;
}

const PAGE = 65536;
const MAX_PAGES = 16384; // 1 GiB: a batch of the largest entries that a request body can bring.

/** A memory with one kernel of its own and room for those of others. */
export class KernelMemory {
  /** The memory, to be posted to workers. */
  readonly memory: WebAssembly.Memory = new WebAssembly.Memory({
    initial: 64,
    maximum: MAX_PAGES,
    shared: true,
  });
  /** Offset of the bytes that are kept for the caller. */
  readonly kept: number;
  readonly #kernel: Kernel;
  readonly #start: number;

  /**
   * Makes the memory, and its own kernel in it.
   *
   * @param others How many more kernels will work in it.
   * @param keep How many bytes no job shall touch.
   */
  constructor(others = 0, keep = 0) {
    this.#kernel = instantiateKernel(this.memory, this.scratch(0));
    this.kept = this.scratch(others + 1);
    this.#start = align(this.kept + keep);
  }

  /** The scratch area of the i-th kernel; 0 is the memory's own. */
  scratch(i: number): number {
    return KERNEL_RESERVED_BYTES + i * SCRATCH_BYTES;
  }

  /** The leaf hashes of entries, one after the other. */
  leaves(entries: readonly Uint8Array[]): Uint8Array {
    return this.#done(this.placeEntries(entries));
  }

  /** The node hashes of pairs of hashes, one after the other. */
  nodes(pairs: Uint8Array): Uint8Array {
    return this.#done(this.placePairs(pairs));
  }

  #done(job: HashJob): Uint8Array {
    this.hash(job);
    return this.read(job);
  }

  /** Lays out entries to be hashed as leaves. */
  placeEntries(entries: readonly Uint8Array[]): HashJob {
    const count = entries.length;
    const total = entries.reduce((sum, entry) => sum + entry.length, 0);
    const offsets = this.#start;
    const source = align(offsets + 4 * (count + 1));
    const target = align(source + total);
    const bytes = this.#reserve(target + count * HASH_SIZE);
    const offsetView = new Uint32Array(this.memory.buffer, offsets, count + 1);
    let at = 0;
    entries.forEach((entry, i) => {
      offsetView[i] = at;
      bytes.set(entry, source + at);
      at += entry.length;
    });
    offsetView[count] = at;
    return { kind: "leaves", source, offsets, target, count };
  }

  /** The leaf hashes of a slab's entries, one after the other. */
  hashSlab(entries: EntrySlab): Uint8Array {
    const length = entryCount(entries) * HASH_SIZE;
    const { source, offsets, target } = this.#layOutSlab(entries, length);
    new Uint8Array(this.memory.buffer).set(entries.bytes, source);
    this.#kernel.hashLeaves(source, offsets, target, entryCount(entries), ENTRY_LENGTH_BYTES);
    return this.#copy(target, length);
  }

  /** Lays out pairs of hashes to be hashed as nodes. */
  placePairs(pairs: Uint8Array): HashJob {
    const count = pairs.length / (2 * HASH_SIZE);
    const source = this.#start;
    const target = source + pairs.length;
    this.#reserve(target + count * HASH_SIZE).set(pairs, source);
    return { kind: "nodes", source, offsets: 0, target, count };
  }

  /** Does a job with the memory's own kernel. */
  hash({ kind, source, offsets, target, count }: HashJob): void {
    if (kind === "leaves") this.#kernel.hashLeaves(source, offsets, target, count);
    else this.#kernel.hashNodes(source, target, count);
  }

  /** A copy of the hashes that a job made. */
  read({ target, count }: HashJob): Uint8Array {
    return this.#copy(target, count * HASH_SIZE);
  }

  /**
   * The rows of perfect nodes above a row of hashes, which begins a perfect subtree.
   *
   * @param hashes The row, one hash after the other.
   * @param heights How many rows at most; fewer when one of a single node is reached.
   */
  rowsAbove(hashes: Uint8Array, heights: number): Uint8Array[] {
    const counts: number[] = [];
    for (let count = hashes.length / HASH_SIZE; counts.length < heights && count > 1;) {
      counts.push(count = Math.floor(count / 2));
    }
    let source = this.#start;
    const first = source + hashes.length;
    const length = counts.reduce((sum, count) => sum + count * HASH_SIZE, 0);
    this.#reserve(first + length).set(hashes, source);
    let target = first;
    for (const count of counts) {
      this.#kernel.hashNodes(source, target, count);
      source = target;
      target += count * HASH_SIZE;
    }
    const all = this.#copy(first, length);
    let at = 0;
    return counts.map((count) => all.subarray(at, at += count * HASH_SIZE));
  }

  /** Lays out the growth of a tree by new entries, at least one, ready to be hashed. */
  placeGrowth(tree: GrowingTree, entries: EntrySlab): Growth {
    const growth = this.layOutGrowth(tree, entries);
    this.fillChunks(growth, entries, 0, chunkCount(growth));
    return growth;
  }

  /**
   * Lays out the growth of a tree by new entries, at least one, but for the entries' own
   * bytes: {@linkcode fillChunks} copies them, while other kernels hash what is filled.
   */
  layOutGrowth({ size, edge }: GrowingTree, entries: EntrySlab): Growth {
    const count = entryCount(entries);
    const chunkHeight = chunkHeightFor(count, entries.bytes.length);
    const counts = { size, count };
    const rows = rowStart({ ...counts, target: 0 }, rowCount(counts));
    const growth: Growth = { ...counts, ...this.#layOutSlab(entries, rows), chunkHeight };
    const bytes = new Uint8Array(this.memory.buffer);
    for (const [height, node] of edge) bytes.set(node, rowStart(growth, height) - HASH_SIZE);
    return growth;
  }

  /** Copies the entries of the chunks from one to before another. */
  fillChunks(growth: Growth, { bytes, offsets }: EntrySlab, from: number, to: number): void {
    const span = 2 ** growth.chunkHeight;
    const first = Math.max(0, from * span - growth.size % span);
    const end = Math.min(growth.count, to * span - growth.size % span);
    const start = offsets[first]! - ENTRY_LENGTH_BYTES;
    const part = bytes.subarray(start, offsets[end]! - ENTRY_LENGTH_BYTES);
    new Uint8Array(this.memory.buffer).set(part, growth.source + start);
  }

  /** Hashes a chunk of a growth with the memory's own kernel. */
  hashChunk(growth: Growth, chunk: number): void {
    hashChunk(this.#kernel, growth, chunk);
  }

  /** Hashes all chunks of a growth with the memory's own kernel. */
  hashChunks(growth: Growth): void {
    for (let chunk = 0; chunk < chunkCount(growth); chunk++) this.hashChunk(growth, chunk);
  }

  /**
   * Room for the rows of a growth, every page of it touched: who makes it while others
   * hash does not have to wait for the system to find the pages later.
   */
  roomForRows(growth: Growth): Uint8Array {
    return new Uint8Array(rowsLength(growth)).fill(0);
  }

  /**
   * Finishes a growth whose chunks are all hashed.
   *
   * @param growth The growth.
   * @param room Where the rows go: {@linkcode roomForRows}, or made here.
   * @returns By height: the perfect nodes that it made, after the edge's node where they grew from one.
   */
  finishGrowth(growth: Growth, room: Uint8Array = new Uint8Array(rowsLength(growth))): NodeRow[] {
    hashCrown(this.#kernel, growth);
    room.set(new Uint8Array(this.memory.buffer, growth.target, room.length));
    return Array.from({ length: rowCount(growth) }, (_, height) => {
      const end = Math.floor(growth.size / 2 ** height);
      const old = end % 2;
      const start = rowStart(growth, height) - growth.target;
      const fresh = freshCount(growth, height);
      return {
        first: end - old,
        hashes: room.subarray(start - old * HASH_SIZE, start + fresh * HASH_SIZE),
      };
    });
  }

  /** Finds room for a slab, and behind it for so many bytes of hashes; copies the offsets alone. */
  #layOutSlab(entries: EntrySlab, hashes: number) {
    const source = this.#start;
    const offsets = align(source + entries.bytes.length);
    const target = align(offsets + entries.offsets.byteLength);
    this.#reserve(target + hashes);
    new Uint32Array(this.memory.buffer, offsets, entries.offsets.length).set(entries.offsets);
    return { source, offsets, target };
  }

  /** A copy of so many bytes. */
  #copy(offset: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, offset, length).slice();
  }

  /** The memory as bytes, grown to hold at least so many. */
  #reserve(end: number): Uint8Array {
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return new Uint8Array(this.memory.buffer);
  }
}

/** Bytes of all rows of a growth, the old nodes' places included. */
function rowsLength(growth: Growth): number {
  return rowStart({ ...growth, target: 0 }, rowCount(growth)) - HASH_SIZE;
}

/** The next multiple of 16, as the kernel's vectors like their bytes. */
function align(offset: number): number {
  return Math.ceil(offset / 16) * 16;
}
