/**
 * Who does the work of `fsck`: its workers, and this thread, which reads the log, when
 * they have enough to do. So no core waits, not even while the workers start.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type EntriesSeen, EntryCheck, type EntryFingerprints } from "./fsck_entries.ts";
import type { Slice } from "./fsck_slice.ts";
import { type CheckedSlice, SliceCheck } from "./fsck_slice_check.ts";
import type { FsckAnswer, FsckTask } from "./fsck_worker.ts";
import {
  findRepeats,
  rehearse,
  type Repeats,
  SLICES_BEFORE_REHEARSAL,
} from "./identifier_table.ts";

/** Deno asks for read access to a worker's module and all that it imports. */
export const WORKER_SOURCES: readonly string[] = ["./", "../core/"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url))
);

/** Slices that a worker has: enough for as long as this thread may not be running. */
const SLICES_EACH = 4;
/** Slices that may be done here while the oldest one is still with a worker. */
const SLICES_AHEAD = 12;

/** Does the work. */
export class Crew implements Disposable {
  /** How many slices to give it before looking at what became of the first. */
  readonly room: number;
  readonly #words: Uint32Array;
  readonly #slices: SliceCheck<EntriesSeen>;
  readonly #workers: readonly FsckWorker[];
  /** How many slices this thread has checked. */
  #checked = 0;

  /**
   * Starts the workers.
   *
   * @param workers How many there are besides this thread.
   * @param fingerprints Where the entries' fingerprints go.
   */
  constructor(workers: number, fingerprints: EntryFingerprints) {
    this.room = workers * SLICES_EACH + SLICES_AHEAD;
    this.#words = fingerprints.words;
    this.#workers = Array.from({ length: workers }, () => new FsckWorker(fingerprints));
    this.#slices = new SliceCheck(new EntryCheck(fingerprints));
  }

  /**
   * Checks a slice, whose memory is the crew's until then.
   *
   * @param slice The slice.
   * @param left How many more there will be.
   */
  async check(slice: Slice, left: number): Promise<CheckedSlice> {
    // With few left, a worker shall not have more of them than this thread.
    const each = Math.min(SLICES_EACH, 1 + Math.floor(left / (this.#workers.length + 1)));
    const worker = this.#workers.find(({ waiting }) => waiting < each);
    if (worker) return await worker.check(slice);
    const checked = this.#slices.check(slice);
    if (++this.#checked === SLICES_BEFORE_REHEARSAL) rehearse(this.#words);
    await setImmediate(); // Lets answers and signals come through.
    return checked;
  }

  /** Goes through the identifiers, once all slices are checked. */
  async findRepeats(): Promise<readonly Repeats[]> {
    const parts = this.#workers.length + 1;
    const theirs = this.#workers.map((worker, i) => worker.findRepeats(i + 1, parts));
    const ours = findRepeats(this.#words, 0, parts);
    return [ours, ...await Promise.all(theirs)];
  }

  /** Ends the workers. */
  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.end();
  }
}

/** A worker and those who wait for its answers, which come in the order of the tasks. */
class FsckWorker {
  readonly #worker = new Worker(new URL("./fsck_worker.ts", import.meta.url), {
    type: "module",
    name: "fsck",
    deno: { permissions: "none" },
  });
  readonly #answers: PromiseWithResolvers<FsckAnswer>[] = [];
  #given = 0;
  /** How many slices it has checked; it counts them itself, and is seen to at once. */
  readonly #checked = new Int32Array(new SharedArrayBuffer(4));
  #failure: Error | undefined;

  constructor(fingerprints: EntryFingerprints) {
    this.#worker.onmessage = ({ data }: MessageEvent<FsckAnswer>) =>
      this.#answers.shift()!.resolve(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = new Error(`Cannot check: a worker died: ${event.message}`);
      for (const { reject } of this.#answers.splice(0)) reject(this.#failure);
    };
    const begin: FsckTask = { kind: "begin", fingerprints, checked: this.#checked };
    this.#worker.postMessage(begin);
  }

  /** How many slices it has been given and has not checked yet. */
  get waiting(): number {
    return this.#given - Atomics.load(this.#checked, 0);
  }

  async check(slice: Slice): Promise<CheckedSlice> {
    this.#given++;
    return await this.#ask({ kind: "slice", slice }) as CheckedSlice;
  }

  async findRepeats(part: number, parts: number): Promise<Repeats> {
    return await this.#ask({ kind: "repeats", part, parts }) as Repeats;
  }

  #ask(task: FsckTask): Promise<FsckAnswer> {
    if (this.#failure) return Promise.reject(this.#failure);
    const answer = Promise.withResolvers<FsckAnswer>();
    this.#answers.push(answer);
    this.#worker.postMessage(task);
    return answer.promise;
  }

  end(): void {
    this.#worker.terminate();
  }
}
