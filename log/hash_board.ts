/**
 * Where the hash pool posts a growth and its workers take chunks of it: a few words in
 * the memory that they share. No message is sent for a job, and nobody assigns chunks;
 * a worker that is slow takes fewer.
 *
 * Chunks are numbered through, from one growth to the next: `LIMIT` is the number up to
 * which they may be taken, `CURSOR` the one to take next, `FINISHED` how many are done.
 * A worker takes a chunk by a compare-and-swap of the cursor, so none is taken twice,
 * and reads the growth only after it: until that chunk is finished nobody posts another,
 * so what it reads belongs to the chunk. A worker that was held up for any time in between
 * finds that its swap fails.
 *
 * The main thread must not block: it waits with `Atomics.waitAsync`, the workers with
 * `Atomics.wait`, which lets nothing else run in them. On Deno 2.9 `terminate()` does
 * not end a worker that waits or computes, so they are told here to stop.
 *
 * @module
 */

import type { Growth } from "@indelible/core/kernel";

// Words of 32 bits; what different threads write stands in cache lines of its own.
const LIMIT = 0;
const STOPPED = 1;
const CURSOR = 16;
const FINISHED = 32;
const ARRIVED = 48;
const GROWTH = 64;
const WORDS = 80;

/** Bytes that a board takes. */
export const BOARD_BYTES: number = WORDS * Int32Array.BYTES_PER_ELEMENT;

/** A chunk that a worker has taken. */
export interface TakenChunk {
  /** The growth that it is of. */
  readonly growth: Growth;
  /** Which chunk. */
  readonly chunk: number;
}

/** The board of one memory, as any of its threads sees it. */
export class JobBoard {
  readonly #words: Int32Array<ArrayBufferLike>;

  /**
   * @param memory The memory.
   * @param offset Where in it the board is: {@linkcode BOARD_BYTES}, all 0 at first.
   */
  constructor(memory: WebAssembly.Memory, offset: number) {
    this.#words = new Int32Array(memory.buffer, offset, WORDS);
  }

  /** Main thread: how many workers have arrived. */
  get arrived(): number {
    return Atomics.load(this.#words, ARRIVED);
  }

  /** Main thread: how many chunks were ever finished. */
  get finished(): number {
    return Atomics.load(this.#words, FINISHED);
  }

  /** Main thread: posts a growth, none of its chunks yet; those of the one before must be finished. */
  post({ size, count, source, offsets, target, chunkHeight }: Growth): void {
    const rest = size % 2 ** chunkHeight;
    const first = Atomics.load(this.#words, LIMIT);
    this.#words.set([first, rest, count, source, offsets, target, chunkHeight], GROWTH);
  }

  /** Main thread: offers so many more chunks of the growth. */
  offer(chunks: number): void {
    Atomics.add(this.#words, LIMIT, chunks);
    Atomics.notify(this.#words, LIMIT);
  }

  /**
   * Main thread: resolves when all chunks that were offered are finished, or nobody will
   * finish them. It takes a timer that runs meanwhile: this alone keeps no process alive.
   */
  async settled(): Promise<void> {
    const words = this.#words;
    for (;;) {
      const finished = Atomics.load(words, FINISHED);
      if (finished === Atomics.load(words, LIMIT) || Atomics.load(words, STOPPED) !== 0) return;
      await Atomics.waitAsync(words, FINISHED, finished).value;
    }
  }

  /** Main thread: sends the workers away, for good. */
  stop(): void {
    const words = this.#words;
    Atomics.store(words, STOPPED, 1);
    // Who has looked at STOPPED before finds the limit moved, and does not wait.
    Atomics.add(words, LIMIT, 1);
    Atomics.notify(words, LIMIT);
    Atomics.notify(words, FINISHED);
  }

  /** Worker: says that it is there. */
  arrive(): void {
    Atomics.add(this.#words, ARRIVED, 1);
  }

  /** Worker: takes a chunk, once there is one; `null` when it is to stop. */
  take(): TakenChunk | null {
    const words = this.#words;
    for (;;) {
      const limit = Atomics.load(words, LIMIT);
      if (Atomics.load(words, STOPPED) !== 0) return null;
      const next = Atomics.load(words, CURSOR);
      // Numbers of chunks go round after 2^32: what counts is the difference.
      if ((limit - next | 0) <= 0) Atomics.wait(words, LIMIT, limit);
      else if (Atomics.compareExchange(words, CURSOR, next, next + 1 | 0) === next) {
        return this.#growthOf(next);
      }
    }
  }

  /** Worker: the chunk it took last is hashed. */
  finish(): void {
    const words = this.#words;
    const finished = Atomics.add(words, FINISHED, 1) + 1 | 0;
    if (finished === Atomics.load(words, LIMIT)) Atomics.notify(words, FINISHED);
  }

  /** The growth that is posted, and which of its chunks has this number. */
  #growthOf(taken: number): TakenChunk {
    const word = (i: number): number => this.#words[GROWTH + i]!;
    return {
      growth: {
        size: word(1),
        count: word(2),
        source: word(3),
        offsets: word(4),
        target: word(5),
        chunkHeight: word(6),
      },
      chunk: taken - word(0) | 0,
    };
  }
}

/** What a hash worker is told once, by message. */
export interface HashWorkerStart {
  /** The memory it shares with the main thread. */
  readonly memory: WebAssembly.Memory;
  /** Where the board is. */
  readonly board: number;
  /** Where its kernel's scratch area is. */
  readonly scratch: number;
}
