/**
 * A worker of the hash pool. It runs with `permissions: "none"`: all it has is
 * the shared memory and the kernel. After its one message it takes chunks from
 * the board until it is told to stop.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { hashChunk, instantiateKernel } from "@indelible/core/kernel";
import { type HashWorkerStart, JobBoard } from "./hash_board.ts";

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = ({ data }: MessageEvent<HashWorkerStart>) => {
  const kernel = instantiateKernel(data.memory, data.scratch);
  const board = new JobBoard(data.memory, data.board);
  board.arrive();
  for (let taken = board.take(); taken !== null; taken = board.take()) {
    hashChunk(kernel, taken.growth, taken.chunk);
    board.finish();
  }
  self.close();
};
