/**
 * A worker of the hash pool. It runs with `permissions: "none"`: all it has is
 * the shared memory and the kernel. One message, one slice of a job.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { type HashJob, instantiateKernel, type Kernel, runJob } from "@indelible/core/kernel";

/** What a worker is told once. */
export interface HashWorkerStart {
  /** The memory it shares with the main thread. */
  readonly memory: WebAssembly.Memory;
  /** Where its kernel's scratch area is. */
  readonly scratch: number;
}

/** A slice of a job; the answer is its `id`. */
export interface HashSlice extends HashJob {
  /** Echoed in the answer. */
  readonly id: number;
}

declare const self: DedicatedWorkerGlobalScope;

let kernel: Kernel | undefined;

self.onmessage = ({ data }: MessageEvent<HashWorkerStart | HashSlice>) => {
  if ("memory" in data) {
    kernel = instantiateKernel(data.memory, data.scratch);
    return;
  }
  runJob(kernel!, data);
  self.postMessage(data.id);
};
