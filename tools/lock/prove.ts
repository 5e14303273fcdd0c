/**
 * Proofs of many files under one checkpoint. A log answers for a thousand files
 * at a time, each time under the checkpoint of that moment; what came under an
 * earlier one is proven again, from the log's tiles, under the last.
 *
 * @module
 */

import { type Entry, type FetchResource, LogReader, type ProvenEntry } from "@indelible/core";
import { lookUp, MAX_NAMES, type Vouched } from "../lookup.ts";
import { inParallel } from "../parallel.ts";
import { retrying } from "../retry.ts";
import type { Head, TrustedHead } from "../trusted_head.ts";

/** What a log has of some files, under one checkpoint. */
export interface ProvenFiles {
  /** That checkpoint. */
  readonly head: Head;
  /** The files that it has, each with its proof. */
  readonly proven: ReadonlyMap<string, ProvenEntry & { readonly parsed: Entry }>;
}

/** How long to retry a log that cannot now, in milliseconds. */
const PATIENCE = 60_000;
/** How many proofs are made from tiles at once. */
const PARALLEL = 64;

/**
 * Asks a log for files.
 *
 * @param log The log's URL.
 * @param filenames The files.
 * @param trusted Judges its checkpoints.
 * @param fetch Reads its tiles.
 * @param signal Ends the asking.
 * @throws {LogMismatch} If the log does not serve the tree that it signed.
 * @throws As {@linkcode lookUp} does.
 */
export async function proveFiles(
  log: URL,
  filenames: readonly string[],
  trusted: TrustedHead,
  fetch: FetchResource,
  signal: AbortSignal,
): Promise<ProvenFiles> {
  const names = [...new Set(filenames)];
  const found: (Vouched & { readonly under: bigint; readonly file: string })[] = [];
  let head: Head | undefined;
  let at = 0;
  do {
    const some = names.slice(at, at + MAX_NAMES);
    const answer = await retrying(() => lookUp(log, some, trusted, { signal }), {
      patience: PATIENCE,
      signal,
    });
    head = answer.head;
    const under = head.verdict.checkpoint.size;
    for (const [file, vouched] of answer.found) found.push({ ...vouched, under, file });
    at += MAX_NAMES;
  } while (at < names.length);
  const { checkpoint } = head.verdict;
  const reader = new LogReader(checkpoint, fetch);
  const proven = await inParallel(found, PARALLEL, async (one) => {
    const { index, entry, bytes, under, file } = one;
    const proof = under === checkpoint.size ? one.proof : await reader.proveInclusion(index);
    return [file, { index, entry: bytes, proof, parsed: entry }] as const;
  });
  return { head, proven: new Map(proven) };
}
