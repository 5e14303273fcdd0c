/**
 * The log's entries by project. A log answers which files it has only by name; to
 * find those that a registry no longer lists, the entries themselves are read, each
 * proven under the accepted checkpoint, from where the last run ended.
 *
 * @module
 */

import {
  bundleCount,
  checkConsistency,
  type Entry,
  type FetchResource,
  LogReader,
  parseEntry,
  projectOf,
  TILE_WIDTH,
  type TreeHead,
} from "@indelible/core";
import { inOrder } from "../parallel.ts";
import type { LoggedFiles } from "./logged_files.ts";

/** The ecosystem whose registries this is about. */
const ECOSYSTEM = "pypi";
/** Bundles read at once. */
const READS = 16;
/** Bundles whose entries are taken as one transaction. */
const BATCH = 64;

/** Who is told of what. */
export interface IndexListener {
  /** Told how many entries of how many are taken. */
  readonly onProgress: (done: number, total: number) => void;
  /** Told of what is odd. */
  readonly onNote: (note: string) => void;
}

/**
 * Takes the entries that are new since the last time.
 *
 * @param logged Where they are kept.
 * @param head The accepted tree.
 * @param fetch Reads the log's objects.
 * @param listener Told of what happens.
 * @throws {LogMismatch} If the log does not serve the tree of its checkpoint.
 */
export async function growIndex(
  logged: LoggedFiles,
  head: TreeHead,
  fetch: FetchResource,
  { onProgress, onNote }: IndexListener,
): Promise<void> {
  const reader = new LogReader(head, fetch);
  if (!await isPrefix(logged, head, reader)) {
    onNote("the entries in --state-dir are of another history: they are read again");
    logged.transaction(() => logged.forget());
  }
  const size = Number(head.size);
  const taken = logged.tree?.taken ?? 0;
  let batch: { index: number; bytes: Uint8Array }[] = [];
  let unreadable = 0;
  // Where the reading is: at the start of the bundle of the first new entry.
  let index = Math.floor(taken / TILE_WIDTH) * TILE_WIDTH;
  const flush = (): void => {
    logged.transaction(() => {
      for (const { index, bytes } of batch) {
        const entry = tryParse(bytes);
        if (!entry) unreadable++;
        else if (entry.ecosystem === ECOSYSTEM) logged.take(index, entry, projectOf(entry));
      }
      logged.setTree(Math.max(taken, index), head);
    });
    batch = [];
  };
  const read = (bundle: bigint) => reader.readEntries(bundle);
  for await (const entries of inOrder(bundles(taken, head.size), READS, read)) {
    for (const bytes of entries) {
      if (index >= taken) batch.push({ index, bytes });
      index++;
    }
    if (batch.length < BATCH * TILE_WIDTH) continue;
    flush();
    onProgress(index, size);
  }
  flush();
  if (unreadable > 0) onNote(`${unreadable} entries of the log cannot be read: run fsck`);
}

/** Whether what is kept is a prefix of the tree. */
async function isPrefix(logged: LoggedFiles, head: TreeHead, reader: LogReader): Promise<boolean> {
  const kept = logged.tree?.head;
  if (!kept) return true;
  if (kept.size > head.size) return false;
  const grown = kept.size > 0n && kept.size < head.size;
  const proof = grown ? await reader.proveConsistency(kept.size) : [];
  return checkConsistency(kept.size, head.size, kept.root, head.root, proof);
}

function* bundles(taken: number, size: bigint): Generator<bigint> {
  if (BigInt(taken) >= size) return;
  for (let at = BigInt(Math.floor(taken / TILE_WIDTH)); at < bundleCount(size); at++) yield at;
}

function tryParse(bytes: Uint8Array): Entry | null {
  try {
    return parseEntry(bytes);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
