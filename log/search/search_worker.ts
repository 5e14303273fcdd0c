/**
 * The worker of the search index. It may read the log's tiles, and read and write the
 * index's own folder; nothing else.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { StoredLog } from "../stored_log.ts";
import { Indexer } from "./indexer.ts";
import { objectReader } from "./object_reader.ts";
import type { IndexAnswer, IndexQuestion } from "./search.ts";
import { SEARCH_FOLDER } from "./segment_folder.ts";

/** What the worker is told and asked: first what to open. */
export type SearchMessage =
  | { readonly kind: "open"; readonly folder: string; readonly origin: string }
  | { readonly kind: "published"; readonly size: number; readonly busy: boolean }
  | { readonly kind: "find"; readonly id: number; readonly question: IndexQuestion };

/** What it says. */
export type SearchReply =
  | { readonly kind: "progress"; readonly indexedTo: number }
  | { readonly kind: "found"; readonly id: number; readonly answer: IndexAnswer }
  | { readonly kind: "failed"; readonly id: number; readonly why: string }
  | { readonly kind: "fault"; readonly why: string };

declare const self: DedicatedWorkerGlobalScope;

let indexer: Indexer | undefined;

// deno-lint-ignore require-await -- not every message has something to wait for.
self.onmessage = async ({ data }: MessageEvent<SearchMessage>) => {
  switch (data.kind) {
    case "open":
      indexer = new Indexer({
        path: `${data.folder}/${SEARCH_FOLDER}`,
        origin: data.origin,
        stored: new StoredLog(objectReader(data.folder)),
        onProgress: (indexedTo) => reply({ kind: "progress", indexedTo }),
        onFault: (error) => reply({ kind: "fault", why: messageOf(error) }),
      });
      return;
    case "published":
      published(data.size, data.busy);
      return;
    case "find":
      return answer(data.id, data.question);
  }
};

let running = false;

/** Before the first size is known there is nothing to be done. */
function published(size: number, busy: boolean): void {
  indexer!.published(size, busy);
  if (running) return;
  running = true;
  void indexer!.run();
}

async function answer(id: number, question: IndexQuestion): Promise<void> {
  try {
    reply({ kind: "found", id, answer: await indexer!.find(question) });
  } catch (error) {
    reply({ kind: "failed", id, why: messageOf(error) });
  }
}

function reply(message: SearchReply): void {
  self.postMessage(message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
