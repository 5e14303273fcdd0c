/**
 * The workers of one memory. A crew that fails in any way is done for, and so is its
 * memory: a worker that hangs may still write there. The hash pool makes another.
 *
 * @module
 */

import type { EntrySlab } from "@indelible/core";
import { chunkCount, type Growth, KernelMemory, type NodeRow } from "@indelible/core/kernel";
import { BOARD_BYTES, type HashWorkerStart, JobBoard } from "./hash_board.ts";

/** How many chunks are filled and offered at once. */
const OFFERED_CHUNKS = 8;

/** Hash workers, and the memory that they share with the main thread. */
export class Crew {
  /** The memory. */
  readonly memory: KernelMemory;
  readonly #board: JobBoard;
  readonly #workers: readonly Worker[];
  #lost: Error | null = null;
  /** Fails the job under way. */
  #fail: (error: Error) => void = () => {};

  /**
   * @param workers How many.
   * @param makeWorker Makes one.
   */
  constructor(workers: number, makeWorker: () => Worker) {
    this.memory = new KernelMemory(workers, BOARD_BYTES);
    const { memory, kept: board } = this.memory;
    this.#board = new JobBoard(memory, board);
    this.#workers = Array.from({ length: workers }, (_, i) => {
      const worker = makeWorker();
      worker.onerror = (event) => {
        event.preventDefault();
        this.#lose(new Error(`Cannot hash: a worker died: ${event.message}`));
      };
      const scratch = this.memory.scratch(1 + i);
      worker.postMessage({ memory, board, scratch } satisfies HashWorkerStart);
      return worker;
    });
  }

  /** Whether there is a worker to give work to: they need a moment to start. */
  get ready(): boolean {
    return this.#board.arrived > 0;
  }

  /** Why it is done for, if it is. */
  get lost(): Error | null {
    return this.#lost;
  }

  /**
   * Hashes the chunks of a growth.
   *
   * @param growth A growth laid out in the crew's memory.
   * @param entries Its entries, which are copied there while the workers are at the first.
   * @param patience After so many milliseconds in which no chunk was finished, a worker hangs.
   * @returns The rows; they are the caller's.
   * @throws {Error} If a worker died or hangs: dismiss the crew then.
   */
  async grow(growth: Growth, entries: EntrySlab, patience: number): Promise<NodeRow[]> {
    if (this.#lost) throw this.#lost;
    const board = this.#board;
    const failed = Promise.withResolvers<never>();
    this.#fail = failed.reject;
    let before = board.finished;
    let idle = 0;
    // Two looks: a machine that stood still for a while is late for the first, and its workers too.
    const watch = setInterval(() => {
      idle = board.finished === before ? idle + 1 : 0;
      before = board.finished;
      if (idle < 2) return;
      this.#lose(new Error(`Cannot hash: a worker has done nothing for ${patience} ms`));
    }, patience / 2);
    try {
      board.post(growth);
      const chunks = chunkCount(growth);
      for (let chunk = 0; chunk < chunks; chunk += OFFERED_CHUNKS) {
        const end = Math.min(chunk + OFFERED_CHUNKS, chunks);
        this.memory.fillChunks(growth, entries, chunk, end);
        board.offer(end - chunk);
      }
      const room = this.memory.roomForRows(growth);
      await Promise.race([board.settled(), failed.promise]);
      return this.memory.finishGrowth(growth, room);
    } finally {
      clearInterval(watch);
      this.#fail = () => {};
    }
  }

  /**
   * Sends the workers away; a job under way fails. `terminate()` is for one that has
   * not come to the board yet: it ends no worker that computes or waits.
   */
  dismiss(): void {
    this.#lose(new Error("Cannot hash: the workers were sent away"));
    this.#board.stop();
    for (const worker of this.#workers) worker.terminate();
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    this.#fail(this.#lost);
  }
}
