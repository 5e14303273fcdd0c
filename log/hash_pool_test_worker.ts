/**
 * A hash worker for tests, good or bad as its name says. It shares the board and the
 * kernel with the real one, and comes and goes as that does.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import {
  freshCount,
  type Growth,
  hashChunk,
  instantiateKernel,
  rowStart,
} from "@indelible/core/kernel";
import { type HashWorkerStart, JobBoard, type TakenChunk } from "./hash_board.ts";

declare const self: DedicatedWorkerGlobalScope;

/** Not an `Error`: the runtime prints those of workers with their stack, here by the dozen. */
const DEATH = "died";

/** How many chunks a worker that dies late does well; the test knows. */
const LATE_CHUNKS = 3300;
let done = 0;

/** What is to happen with a chunk that was taken; `true` when it is to be finished. */
type Deed = (hash: () => void, taken: TakenChunk) => boolean | Promise<boolean>;

/** Each kind of worker by its name. */
const DEEDS = {
  "works, and tells": (hash) => {
    hash();
    self.postMessage("chunk");
    return true;
  },
  "dies": () => {
    throw DEATH;
  },
  "dies after a chunk": (hash, { chunk }) => {
    if (chunk > 0) throw DEATH;
    hash();
    return true;
  },
  "dies late": (hash) => {
    if (done++ === LATE_CHUNKS) throw DEATH;
    hash();
    return true;
  },
  "closes": () => {
    self.close();
    return false;
  },
  "hangs": (hash) => {
    // As good as for ever; but no thread outlives the tests for long.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000);
    hash();
    return true;
  },
  "sleeps": async (hash) => {
    hash();
    self.postMessage("asleep");
    await new Promise((wake) => setTimeout(wake, 60_000));
    return true;
  },
  "skips": () => true,
  "answers wrongly": (hash, { growth }) => {
    hash();
    spoil(growth, 0);
    return true;
  },
  "is wrong about nodes": (hash, { growth }) => {
    hash();
    spoil(growth, 1);
    return true;
  },
} satisfies Record<string, Deed>;

/** A kind of worker. */
export type Kind = keyof typeof DEEDS | "dies at once" | "never comes" | "fails now and then";

const FAILURES = ["dies", "closes", "hangs", "skips", "answers wrongly"] as const;

let memory: WebAssembly.Memory;

/** Spoils the row of a height. */
function spoil(growth: Growth, height: number): void {
  const length = 32 * freshCount(growth, height);
  const hashes = new Uint8Array(memory.buffer, rowStart(growth, height), length);
  for (let i = 0; i < length; i += 32) hashes[i]!++;
}

function deedOf(kind: Exclude<Kind, "dies at once" | "never comes">): Deed {
  if (kind !== "fails now and then") return DEEDS[kind];
  if (Math.random() > 0.02) return DEEDS["works, and tells"];
  return DEEDS[FAILURES[Math.floor(Math.random() * FAILURES.length)]!];
}

self.onmessage = async ({ data }: MessageEvent<HashWorkerStart>) => {
  const kind = self.name as Kind;
  if (kind === "never comes") return;
  if (kind === "dies at once") throw DEATH;
  memory = data.memory;
  const kernel = instantiateKernel(memory, data.scratch);
  const board = new JobBoard(memory, data.board);
  board.arrive();
  self.postMessage("arrived");
  for (let taken = board.take(); taken !== null; taken = board.take()) {
    const { growth, chunk } = taken;
    const finished = deedOf(kind)(() => hashChunk(kernel, growth, chunk), taken);
    if (!(typeof finished === "boolean" ? finished : await finished)) return;
    board.finish();
  }
  self.close();
};
