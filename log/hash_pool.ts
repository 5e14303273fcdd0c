/**
 * Hashes entries and nodes in bulk, over workers that share one memory with the
 * main thread. Step 2 of `sequencer.ts`, and the hasher of `integrate.ts`.
 *
 * A worker that dies, hangs or answers wrongly (a sample is hashed again by the
 * platform's own SHA-256) costs nothing but time: all workers and their memory
 * are thrown away, the job is done again. A second failure of one job is an
 * error, and the sequencer stops unsigned.
 *
 * Small jobs are hashed right here, with the same kernel: a message to a worker
 * costs more than a few hundred hashes.
 *
 * @module
 */

import { HASH_SIZE } from "@indelible/core";
import type { HashSlice, HashWorkerStart } from "./hash_worker.ts";
import type { Hasher } from "./integrate.ts";
import { type HashJob, KernelMemory, sliceJob } from "@indelible/core/kernel";
import { checkSample, leafMessages, type MessageOf, nodeMessages } from "./native_sample.ts";

/** What a pool can be told. */
export interface HashPoolOptions {
  /** How many workers; by default one for each core but the main thread's. */
  readonly workers?: number;
  /** After how many milliseconds a worker that has not answered counts as hung. */
  readonly deadline?: number;
  /** Makes a worker; tests make ones that fail. */
  readonly makeWorker?: () => Worker;
  /** Told of each failure that the pool recovered from. */
  readonly onFailure?: (error: Error) => void;
}

const INLINE_HASHES = 512;

/** A pool of hash workers. */
export class HashPool implements Hasher {
  readonly #options: Required<HashPoolOptions>;
  #crew: Crew;
  /** Jobs run one after the other: they use the same memory. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Starts the workers. */
  constructor(options: HashPoolOptions = {}) {
    this.#options = {
      workers: Math.max(1, navigator.hardwareConcurrency - 1),
      deadline: 10_000,
      makeWorker: makeHashWorker,
      onFailure: () => {},
      ...options,
    };
    this.#crew = new Crew(this.#options);
  }

  /** The leaf hashes of entries, one after the other. */
  leafHashes(entries: readonly Uint8Array[]): Promise<Uint8Array> {
    return this.#run(
      leafMessages(entries),
      (memory) => memory.placeEntries(entries),
    );
  }

  /** The node hashes of consecutive pairs: 64 bytes in, 32 bytes out for each. */
  nodeHashes(pairs: Uint8Array): Promise<Uint8Array> {
    return this.#run(nodeMessages(pairs), (memory) => memory.placePairs(pairs));
  }

  /** Stops the workers. */
  close(): void {
    this.#crew.dismiss();
  }

  #run(
    message: MessageOf,
    place: (memory: KernelMemory) => HashJob,
  ): Promise<Uint8Array> {
    const attempt = async () => {
      const hashes = await this.#crew.hash(place);
      checkSample(hashes.length / HASH_SIZE, message, hashes);
      return hashes;
    };
    const done = this.#turn.then(() =>
      attempt().catch((error: Error) => {
        this.#options.onFailure(error);
        this.#crew.dismiss();
        this.#crew = new Crew(this.#options);
        return attempt();
      })
    );
    this.#turn = done.catch(() => {});
    return done;
  }
}

function makeHashWorker(): Worker {
  return new Worker(new URL("./hash_worker.ts", import.meta.url), {
    type: "module",
    name: "hash",
    deno: { permissions: "none" },
  });
}

/** The workers of one memory. */
class Crew {
  readonly #memory: KernelMemory;
  readonly #workers: Worker[] = [];
  readonly #deadline: number;
  /** Slices without an answer yet. */
  readonly #open = new Set<number>();
  #failed: Error | undefined;
  /** Settles the job that runs. */
  #settle: ((error?: Error) => void) | undefined;
  #lastId = 0;

  constructor({ workers, deadline, makeWorker }: Required<HashPoolOptions>) {
    this.#deadline = deadline;
    this.#memory = new KernelMemory(workers);
    const { memory } = this.#memory;
    for (let i = 1; i <= workers; i++) {
      const worker = makeWorker();
      worker.onmessage = ({ data: id }: MessageEvent<number>) => {
        this.#open.delete(id);
        if (this.#open.size === 0) this.#settle?.();
      };
      worker.onerror = (event) => {
        event.preventDefault();
        this.#failed = new Error(
          `Cannot hash: a worker died: ${event.message}`,
        );
        this.#settle?.(this.#failed);
      };
      const start: HashWorkerStart = {
        memory,
        scratch: this.#memory.scratch(i),
      };
      worker.postMessage(start);
      this.#workers.push(worker);
    }
  }

  dismiss(): void {
    for (const worker of this.#workers) worker.terminate();
  }

  async hash(place: (memory: KernelMemory) => HashJob): Promise<Uint8Array> {
    const job = place(this.#memory);
    if (job.count <= INLINE_HASHES) this.#memory.hash(job);
    else await this.#share(job);
    return this.#memory.read(job);
  }

  #share(job: HashJob): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failed) return reject(this.#failed);
      const timer = setTimeout(
        () =>
          this.#settle!(
            new Error(`Cannot hash: no answer within ${this.#deadline} ms`),
          ),
        this.#deadline,
      );
      this.#settle = (error) => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
      const each = Math.ceil(job.count / this.#workers.length);
      this.#workers.forEach((worker, i) => {
        const count = Math.min(each, job.count - i * each);
        if (count <= 0) return;
        const slice: HashSlice = {
          ...sliceJob(job, i * each, count),
          id: ++this.#lastId,
        };
        this.#open.add(slice.id);
        worker.postMessage(slice);
      });
    });
  }
}
