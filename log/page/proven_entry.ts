/**
 * Entries as this browser proves them: read from the tiles, under the head that it
 * judged. What the log says of an entry elsewhere is only ever a hint where to look.
 *
 * @module
 */

import {
  bundleCount,
  checkInclusion,
  type Entry,
  formatTlogProof,
  type Hash,
  leafHash,
  parseEntry,
  TILE_WIDTH,
} from "@indelible/core";
import { formatCount } from "./format.ts";
import type { SignedHead } from "./head_report.ts";
import { unverifiable, type Verdict, verdictOf, verified, wrong } from "./verdict.ts";

/** An entry and what is to be said of it. */
export interface ProvenEntry {
  /** Its leaf index. */
  readonly index: bigint;
  /** Its bytes; `null` when none under the root could be had. */
  readonly bytes: Uint8Array | null;
  /** What they say; `null` when they are no statement that this page can read. */
  readonly entry: Entry | null;
  /** Whether it is under the head's root. */
  readonly verdict: Verdict;
}

/** An entry with its inclusion proof. */
export interface EntryWithProof extends ProvenEntry {
  /** The proof, the leaf's sibling first; `null` when there is none. */
  readonly proof: readonly Hash[] | null;
}

const UNREADABLE = "It is under the root hash, but it is no statement that this page can read.";

/** Reads one entry. Never throws: what failed is its verdict. */
export async function readEntry(head: SignedHead, index: bigint): Promise<ProvenEntry> {
  if (index < 0n || index >= head.checkpoint.size) {
    const count = formatCount(head.checkpoint.size);
    const why = `There is no entry ${index} under this head: it has ${count}, counted from 0.`;
    return { index, bytes: null, entry: null, verdict: unverifiable(why) };
  }
  try {
    const width = BigInt(TILE_WIDTH);
    const entries = await head.reader.readEntries(index / width);
    return provenEntry(index, entries[Number(index % width)]!);
  } catch (error) {
    return { index, bytes: null, entry: null, verdict: verdictOf(error) };
  }
}

function provenEntry(index: bigint, bytes: Uint8Array): ProvenEntry {
  try {
    const entry = parseEntry(bytes);
    const why = "Its hash is under the root hash that the log signed.";
    return { index, bytes, entry, verdict: verified(why) };
  } catch {
    return { index, bytes, entry: null, verdict: unverifiable(UNREADABLE) };
  }
}

/** Reads one entry and its inclusion proof, and checks the proof by itself. */
export async function readEntryWithProof(
  head: SignedHead,
  index: bigint,
): Promise<EntryWithProof> {
  const proven = await readEntry(head, index);
  if (proven.bytes === null) return { ...proven, proof: null };
  const { size, root } = head.checkpoint;
  try {
    const proof = await head.reader.proveInclusion(index);
    if (!checkInclusion(index, size, leafHash(proven.bytes), proof, root)) {
      const verdict = wrong("Its inclusion proof does not lead to the root hash.");
      return { ...proven, proof, verdict };
    }
    if (proven.entry === null) return { ...proven, proof };
    const steps = proof.length === 1 ? "1 step" : `${proof.length} steps`;
    const why = `Its inclusion proof leads in ${steps} from its hash to the root hash that ` +
      `the log signed.`;
    return { ...proven, proof, verdict: verified(why) };
  } catch (error) {
    return { ...proven, proof: null, verdict: verdictOf(error) };
  }
}

/** Reads many entries, each bundle once. In the order asked for. */
export function readEntries(
  head: SignedHead,
  indices: readonly bigint[],
): Promise<ProvenEntry[]> {
  const bundles = new Map<bigint, Promise<Uint8Array[]>>();
  return Promise.all(indices.map(async (index) => {
    if (index < 0n || index >= head.checkpoint.size) return await readEntry(head, index);
    const bundle = index / BigInt(TILE_WIDTH);
    if (!bundles.has(bundle)) bundles.set(bundle, head.reader.readEntries(bundle));
    try {
      return provenEntry(index, (await bundles.get(bundle)!)[Number(index % 256n)]!);
    } catch (error) {
      return { index, bytes: null, entry: null, verdict: verdictOf(error) };
    }
  }));
}

/** The newest entries, newest first. */
export function readNewest(head: SignedHead, count: number): Promise<ProvenEntry[]> {
  const { size } = head.checkpoint;
  const indices: bigint[] = [];
  for (let i = size - 1n; i >= 0n && indices.length < count; i--) indices.push(i);
  if (bundleCount(size) === 0n) return Promise.resolve([]);
  return readEntries(head, indices);
}

/** The tlog-proof of an entry, for `verify` and for the page that works offline. */
export function tlogProofOf(
  { note }: SignedHead,
  { index, bytes, proof }: EntryWithProof,
): Uint8Array<ArrayBuffer> | null {
  if (bytes === null || proof === null) return null;
  return formatTlogProof({ extra: bytes, index, proof, checkpoint: note });
}
