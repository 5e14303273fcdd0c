/**
 * Who scans the slices of a log that is far ahead: workers, for as long as it takes.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Slice } from "../fsck_slice.ts";
import type { ScanOptions } from "./scan.ts";
import type { ScannedSlice, ScanTask } from "./scan_worker.ts";

/** Deno asks for read access to a worker's module and all that it imports. */
export const SCAN_SOURCES: readonly string[] = ["../", "../../core/"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url))
);

/** Workers, each with the slices that it has been given. */
export class ScanCrew implements Disposable {
  readonly #workers: readonly ScanWorker[];

  /**
   * Starts them.
   *
   * @param workers How many.
   * @param options How to scan.
   */
  constructor(workers: number, options: ScanOptions) {
    this.#workers = Array.from({ length: workers }, () => new ScanWorker(options));
  }

  /** Scans a slice; its memory is the worker's until then. */
  scan(slice: Slice): Promise<ScannedSlice> {
    const free = this.#workers.reduce((a, b) => b.waiting < a.waiting ? b : a);
    return free.scan(slice);
  }

  /** Ends the workers. */
  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.end();
  }
}

class ScanWorker {
  readonly #worker = new Worker(new URL("./scan_worker.ts", import.meta.url), {
    type: "module",
    name: "monitor",
    deno: { permissions: "none" },
  });
  /** Those who wait, in the order of the slices. */
  readonly #answers: PromiseWithResolvers<ScannedSlice>[] = [];
  #failure: Error | null = null;

  constructor(options: ScanOptions) {
    this.#worker.onmessage = ({ data }: MessageEvent<ScannedSlice>) =>
      this.#answers.shift()!.resolve(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = new Error(`Cannot scan: a worker died: ${event.message}`);
      for (const { reject } of this.#answers.splice(0)) reject(this.#failure);
    };
    this.#post({ kind: "begin", options });
  }

  get waiting(): number {
    return this.#answers.length;
  }

  scan(slice: Slice): Promise<ScannedSlice> {
    if (this.#failure) return Promise.reject(this.#failure);
    const answer = Promise.withResolvers<ScannedSlice>();
    this.#answers.push(answer);
    this.#post({ kind: "slice", slice });
    return answer.promise;
  }

  #post(task: ScanTask): void {
    this.#worker.postMessage(task);
  }

  end(): void {
    this.#worker.terminate();
  }
}
