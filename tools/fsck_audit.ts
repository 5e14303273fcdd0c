/**
 * A whole audit of a log, as `fsck` makes it: first the tree, which gives a fingerprint of
 * each entry's identifier along the way, then the identifiers.
 *
 * @module
 */

import type { TreeHead } from "@indelible/core";
import { Crew } from "./fsck_crew.ts";
import { type EntryFingerprints, WORDS } from "./fsck_entries.ts";
import { checkIdentifiers } from "./fsck_identifiers.ts";
import { TreeCheck } from "./fsck_tree.ts";
import type { LogObjects } from "./log_source.ts";

/** What an audit counts. */
export interface AuditCounts {
  /** Hash tiles that were compared. */
  readonly hashTiles: number;
  /** Different identifiers. */
  readonly files: number;
  /** Publications of an identifier that was published before, same digest. */
  readonly repeats: number;
  /** Yanks, reviews and so on. */
  readonly events: number;
}

/** How to make an audit. */
export interface AuditOptions {
  /** How many workers; by default one for each core but ours, and none for a small log. */
  readonly workers?: number;
  /** Told what is wrong, in one sentence. */
  readonly onProblem: (problem: string) => void;
  /** Told how many entries have been checked. */
  readonly onProgress: (done: number, total: number) => void;
  /** Told how many of the bundles have been read that have to be read again. */
  readonly onReread: (done: number, total: number) => void;
}

/** Below so many entries, starting workers takes longer than doing without. */
const FEW_ENTRIES = 1 << 16;
/** Leaf indices have 32 bits here: with more entries the fingerprints would take 32 GiB. */
const MAX_ENTRIES = 2n ** 32n - 2n;

/**
 * Audits a log.
 *
 * @param head The tree, by a verified checkpoint.
 * @param objects The log's objects.
 * @param options How, and whom to tell.
 * @throws {Error} If an object cannot be read, or the log is too large.
 */
export async function audit(
  head: TreeHead,
  objects: LogObjects,
  options: AuditOptions,
): Promise<AuditCounts> {
  if (head.size > MAX_ENTRIES) throw tooLarge(head.size);
  const size = Number(head.size);
  const { onProblem, onProgress, onReread } = options;
  const others = navigator.hardwareConcurrency - 1;
  const workers = options.workers ?? (size < FEW_ENTRIES ? 0 : others);
  const fingerprints = makeFingerprints(size);
  using crew = new Crew(workers, fingerprints);
  const tree = new TreeCheck(head, objects, crew, fingerprints, {
    onProblem,
    onProgress: (entries) => onProgress(entries, size),
  });
  await tree.run();
  const { hashTiles, events } = tree;
  const { files, repeats } = await checkIdentifiers(await crew.findRepeats(), fingerprints.words, {
    readEntries: (bundle) => tree.readEntries(bundle),
    onProblem,
    onProgress: onReread,
  });
  return { hashTiles, files, repeats, events };
}

function makeFingerprints(size: number): EntryFingerprints {
  try {
    const shared = new SharedArrayBuffer(size * WORDS * Uint32Array.BYTES_PER_ELEMENT);
    return { words: new Uint32Array(shared), seed: crypto.getRandomValues(new Uint32Array(WORDS)) };
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(BigInt(size));
    throw error;
  }
}

function tooLarge(size: bigint): Error {
  return new Error(`Cannot check a tree of ${size} entries: it takes more memory than there is`);
}
