/**
 * Reads a log's objects from a folder. What the system has in memory is read at once, in a
 * few microseconds, of which a promise would cost more than the reading; where reads wait
 * for a disk, many of them wait together.
 *
 * @module
 */

import { join } from "node:path";

/** Reads at once are timed by so many at a time. */
const SAMPLE = 256;
/** Longer than this, on average, take only reads that wait for a disk; in milliseconds. */
const QUICK_READ = 0.5;
/** How many reads wait together before it is tried again whether they are quick. */
const PATIENT_READS = 4096;

/** Reads files of a folder. */
export class FolderReader {
  readonly #folder: string;
  readonly #now: () => number;
  /** Reads that are still to wait together. */
  #patient = 0;
  /** Reads at once since they were last judged, and how long they took. */
  #reads = 0;
  #time = 0;

  /**
   * Prepares.
   *
   * @param folder The folder.
   * @param now The clock that reads are timed by, in milliseconds.
   */
  constructor(folder: string, now: () => number = () => performance.now()) {
    this.#folder = folder;
    this.#now = now;
  }

  /**
   * Reads a file.
   *
   * @param path Its path in the folder.
   * @returns Its bytes; `null` when there is no such file.
   * @throws {Error} If it cannot be read.
   */
  async read(path: string): Promise<Uint8Array | null> {
    if (this.#patient > 0) this.#patient--;
    try {
      return await Deno.readFile(join(this.#folder, path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      if (error instanceof Deno.errors.NotADirectory) return null;
      throw new Error(`Cannot read ${path}: ${(error as Error).message}`);
    }
  }

  /**
   * Reads a file into memory at once, unless reads take long.
   *
   * @param path Its path in the folder.
   * @param target The memory, larger than the file.
   * @returns The file's length, or -1: {@linkcode read} tells more.
   */
  readNow(path: string, target: Uint8Array): number {
    if (this.#patient > 0) return -1;
    const start = this.#now();
    let length = 0;
    try {
      using file = Deno.openSync(`${this.#folder}/${path}`);
      for (let count: number | null = 0; count !== null; length += count ?? 0) {
        if (length === target.length) return -1;
        count = file.readSync(target.subarray(length));
      }
    } catch {
      return -1;
    }
    this.#judge(this.#now() - start);
    return length;
  }

  #judge(time: number): void {
    this.#time += time;
    if (++this.#reads < SAMPLE) return;
    if (this.#time > SAMPLE * QUICK_READ) this.#patient = PATIENT_READS;
    this.#reads = this.#time = 0;
  }
}
