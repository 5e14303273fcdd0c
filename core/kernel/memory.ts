/**
 * The memory that kernels hash in: where a job's bytes, offsets and hashes lie.
 * The hash pool shares one with its workers; the second opinion has its own.
 *
 * @module
 */

import { HASH_SIZE } from "../hash.ts";
import { instantiateKernel, type Kernel, KERNEL_RESERVED_BYTES, SCRATCH_BYTES } from "./kernel.ts";

/** A job, or a slice of one: offsets into the memory. */
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

const PAGE = 65536;
const MAX_PAGES = 16384; // 1 GiB: a batch of the largest entries that a request body can bring.

/** A memory with one kernel of its own and room for those of others. */
export class KernelMemory {
  /** The memory, to be posted to workers. */
  readonly memory = new WebAssembly.Memory({
    initial: 64,
    maximum: MAX_PAGES,
    shared: true,
  });
  readonly #kernel: Kernel;
  readonly #start: number;

  /** @param others How many more kernels will work in it. */
  constructor(others = 0) {
    this.#kernel = instantiateKernel(this.memory, this.scratch(0));
    this.#start = this.scratch(others + 1);
  }

  /** The scratch area of the i-th kernel; 0 is the memory's own. */
  scratch(i: number): number {
    return KERNEL_RESERVED_BYTES + i * SCRATCH_BYTES;
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

  /** Lays out pairs of hashes to be hashed as nodes. */
  placePairs(pairs: Uint8Array): HashJob {
    const count = pairs.length / (2 * HASH_SIZE);
    const source = this.#start;
    const target = source + pairs.length;
    this.#reserve(target + count * HASH_SIZE).set(pairs, source);
    return { kind: "nodes", source, offsets: 0, target, count };
  }

  /** Does a job with the memory's own kernel. */
  hash(job: HashJob): void {
    runJob(this.#kernel, job);
  }

  /** A copy of the hashes that a job made. */
  read({ target, count }: HashJob): Uint8Array {
    return new Uint8Array(this.memory.buffer, target, count * HASH_SIZE)
      .slice();
  }

  /** The memory as bytes, grown to hold at least so many. */
  #reserve(end: number): Uint8Array {
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return new Uint8Array(this.memory.buffer);
  }
}

/** Does a job with a kernel of its memory. */
export function runJob(kernel: Kernel, job: HashJob): void {
  const { kind, source, offsets, target, count } = job;
  if (kind === "leaves") kernel.hashLeaves(source, offsets, target, count);
  else kernel.hashNodes(source, target, count);
}

/** The part of a job that starts at its `start`-th hash. */
export function sliceJob(job: HashJob, start: number, count: number): HashJob {
  const target = job.target + start * HASH_SIZE;
  return job.kind === "leaves"
    ? { ...job, offsets: job.offsets + 4 * start, target, count }
    : { ...job, source: job.source + start * 2 * HASH_SIZE, target, count };
}

/** The next multiple of 16, as the kernel's vectors like their bytes. */
function align(offset: number): number {
  return Math.ceil(offset / 16) * 16;
}
