/**
 * The worker of the second opinion: its own copy of every byte, no permissions.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { SecondOpinion, type StoredEdge } from "./second_opinion.ts";
import type { StoredObject } from "./storage/objects.ts";

/** What the worker is asked: first the edge to start from, then batches. */
export type OpinionQuestion =
  | { readonly edge: StoredEdge }
  | {
    readonly oldSize: number;
    readonly size: number;
    readonly objects: readonly StoredObject[];
  };

/** What it answers to a batch: the root hash it found, or what is wrong. */
export type OpinionAnswer = { readonly root: Uint8Array } | {
  readonly wrong: string;
};

declare const self: DedicatedWorkerGlobalScope;

let opinion: SecondOpinion | undefined;

self.onmessage = ({ data }: MessageEvent<OpinionQuestion>) => {
  if ("edge" in data) {
    opinion = new SecondOpinion(data.edge);
    return;
  }
  self.postMessage(answer(data.oldSize, data.size, data.objects));
};

function answer(
  oldSize: number,
  size: number,
  objects: readonly StoredObject[],
): OpinionAnswer {
  try {
    return { root: opinion!.rootOf(oldSize, size, objects) };
  } catch (error) {
    return { wrong: (error as Error).message };
  }
}
