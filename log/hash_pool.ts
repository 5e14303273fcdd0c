/**
 * Hashes what a batch adds to the tree, over workers that share one memory with the
 * main thread: entries are copied in once, rows of the tree come out. Step 2 of
 * `sequencer.ts`.
 *
 * A worker that dies, hangs or answers wrongly (a sample is hashed again by the
 * platform's own SHA-256) costs nothing but time: all workers and their memory are
 * thrown away, and the batch is hashed once more on the main thread, which waits for
 * nobody. If that is wrong too, the kernel is, and the sequencer stops unsigned.
 *
 * Small batches are hashed right here, with the same kernel; so are those that come
 * before the workers have started.
 *
 * @module
 */

import type { EntrySlab } from "@indelible/core";
import { chunkCount, type GrowingTree, type Growth, type NodeRow } from "@indelible/core/kernel";
import { Crew } from "./hash_crew.ts";
import type { Hasher } from "./integrate.ts";
import { checkRows } from "./native_sample.ts";

/** What a pool can be told. */
export interface HashPoolOptions {
  /** How many workers; by default one for each core. */
  readonly workers?: number;
  /** A worker counts as hung when no chunk was finished for so many milliseconds; 2,000 by default. */
  readonly patience?: number;
  /** Makes a worker; tests make ones that fail. */
  readonly makeWorker?: () => Worker;
  /** Told of each failure that the pool recovered from. */
  readonly onFailure?: (error: Error) => void;
}

/** More are of no use to the largest batch, and each takes a few megabytes. */
const MAX_WORKERS = 16;
/** So many chunks take about as long as to wake a worker and to be woken by it. */
const INLINE_CHUNKS = 2;
/** How many chunks to hash here before others get their turn: about two milliseconds' work. */
const TURN_CHUNKS = 8;
/**
 * A worker that hangs cannot be ended, only left behind with its memory. So many
 * failures are no accident: from then on the main thread hashes alone.
 */
const MAX_FAILURES = 8;
/** After so many jobs without one, the failures before are forgotten. */
const FORGIVING_JOBS = 1000;

/** A pool of hash workers. */
export class HashPool implements Hasher {
  readonly #options: Required<HashPoolOptions>;
  #crew: Crew;
  #failures = 0;
  /** Jobs that workers did well since the last failure. */
  #jobs = 0;
  #closed = false;
  /** Jobs run one after the other: they use the same memory. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Starts the workers. */
  constructor(options: HashPoolOptions = {}) {
    this.#options = {
      workers: Math.min(navigator.hardwareConcurrency, MAX_WORKERS),
      patience: 2000,
      makeWorker: makeHashWorker,
      onFailure: () => {},
      ...options,
    };
    this.#crew = this.#makeCrew();
  }

  /** How many workers hash: none once they failed too often. */
  get workers(): number {
    return this.#failures < MAX_FAILURES && !this.#closed ? this.#options.workers : 0;
  }

  /**
   * The rows of perfect nodes that entries make in a tree.
   *
   * @param tree The tree before.
   * @param entries The new entries, at least one; they must not change until it resolves.
   * @returns The rows by height; they are the caller's.
   * @throws {Error} If the pool is closed or its kernel is wrong.
   */
  growRows(tree: GrowingTree, entries: EntrySlab): Promise<NodeRow[]> {
    const rows = this.#turn.then(() => this.#grow(tree, entries));
    this.#turn = rows.catch(() => {});
    return rows;
  }

  /** Stops the workers; what is under way fails. */
  close(): void {
    this.#closed = true;
    this.#crew.dismiss();
  }

  async #grow(tree: GrowingTree, entries: EntrySlab): Promise<NodeRow[]> {
    this.#checkOpen();
    try {
      const crew = this.#crew;
      const growth = crew.memory.layOutGrowth(tree, entries);
      const small = chunkCount(growth) <= INLINE_CHUNKS;
      const shared = !small && (crew.ready || crew.lost !== null);
      const rows = shared
        ? await crew.grow(growth, entries, this.#options.patience)
        : await this.#growHere(growth, entries);
      checkRows(tree.size, entries, rows);
      if (shared && ++this.#jobs === FORGIVING_JOBS) this.#failures = 0;
      return rows;
    } catch (error) {
      this.#replaceCrew(error as Error);
    }
    const growth = this.#crew.memory.layOutGrowth(tree, entries);
    const rows = await this.#growHere(growth, entries);
    checkRows(tree.size, entries, rows);
    return rows;
  }

  /** On the main thread, in turns with whatever else it has to do. */
  async #growHere(growth: Growth, entries: EntrySlab): Promise<NodeRow[]> {
    const { memory } = this.#crew;
    const chunks = chunkCount(growth);
    memory.fillChunks(growth, entries, 0, chunks);
    for (let chunk = 0; chunk < chunks; chunk++) {
      if (chunk % TURN_CHUNKS === 0 && chunk > 0) {
        await new Promise((turn) => setTimeout(turn));
        this.#checkOpen();
      }
      memory.hashChunk(growth, chunk);
    }
    return memory.finishGrowth(growth);
  }

  #replaceCrew(failure: Error): void {
    this.#checkOpen();
    this.#crew.dismiss();
    this.#failures++;
    this.#jobs = 0;
    this.#crew = this.#makeCrew();
    const { onFailure } = this.#options;
    onFailure(failure);
    if (this.#failures === MAX_FAILURES) {
      onFailure(new Error(`Cannot hash in workers: they failed ${MAX_FAILURES} times`));
    }
  }

  #makeCrew(): Crew {
    const { workers, makeWorker } = this.#options;
    return new Crew(this.#failures < MAX_FAILURES ? workers : 0, makeWorker);
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error("Cannot hash: the pool is closed");
  }
}

function makeHashWorker(): Worker {
  return new Worker(new URL("./hash_worker.ts", import.meta.url), {
    type: "module",
    name: "hash",
    deno: { permissions: "none" },
  });
}
