/**
 * Makes evidence of what the monitor found: signed notes and proofs as the log served
 * them, so that the file stands by itself (`core/evidence.ts`).
 *
 * @module
 */

import {
  type CheckpointEvidence,
  encodeBase64,
  type EntryEvidence,
  type EvidenceFile,
  type EvidenceHead,
  type FetchResource,
  type ForkEvidence,
  formatTlogProof,
  LogMismatch,
  LogReader,
  parseCheckpoint,
  parseNote,
  parseUtf8,
  provePrefix,
  type TreeHead,
} from "@indelible/core";

/** What evidence of one log has in common. */
export interface EvidenceBase {
  /** The log's origin. */
  readonly origin: string;
  /** The policy as text. */
  readonly policy: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What every evidence file has. */
export function headOf({ origin, policy, now }: EvidenceBase, summary: string): EvidenceHead {
  return { origin, time: new Date(now()).toISOString(), summary, policy };
}

/** Evidence of a checkpoint that stands there as it does. */
export function ofCheckpoint(
  base: EvidenceBase,
  kind: CheckpointEvidence["kind"],
  summary: string,
  note: Uint8Array,
  witness?: string,
): EvidenceFile {
  const checkpoint = parseUtf8(note);
  return { ...headOf(base, summary), kind, checkpoint, ...witness !== undefined && { witness } };
}

/** Evidence of two checkpoints that are of no one history; the larger one's tiles are read. */
export async function ofFork(
  base: EvidenceBase,
  summary: string,
  notes: readonly [Uint8Array, Uint8Array],
  fetch: FetchResource,
): Promise<ForkEvidence | null> {
  const [one, other] = [signedIn(notes[0]), signedIn(notes[1])];
  const [a, b] = one.size <= other.size ? [one, other] : [other, one];
  const reader = new LogReader(b, fetch);
  const proof = await orNoTiles(() =>
    provePrefix(a.size, b.size, (nodes) => reader.readHashes(nodes))
  );
  return proof && {
    ...headOf(base, summary),
    kind: "fork",
    checkpoints: [parseUtf8(a.note), parseUtf8(b.note)],
    proof: proof.map((hash) => encodeBase64(hash)),
  };
}

function signedIn(note: Uint8Array): TreeHead & { readonly note: Uint8Array } {
  const { size, root } = parseCheckpoint(parseNote(note).text);
  return { size, root, note };
}

async function orNoTiles<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof LogMismatch) return null;
    throw error;
  }
}

/** An entry of a tree whose signed note is known. */
export interface ProvenEntry {
  /** Its leaf index. */
  readonly leafIndex: number;
  /** Its bytes. */
  readonly bytes: Uint8Array;
}

/** The tlog-proof of an entry. */
export async function proofOf(
  { leafIndex, bytes }: ProvenEntry,
  reader: LogReader,
  note: Uint8Array,
): Promise<string> {
  const index = BigInt(leafIndex);
  const proof = await reader.proveInclusion(index);
  return parseUtf8(formatTlogProof({ extra: bytes, index, proof, checkpoint: note }));
}

/** Evidence of two entries that give one file two digests. */
export function ofSecondDigest(
  base: EvidenceBase,
  summary: string,
  entries: readonly [string, string],
): EvidenceFile {
  return { ...headOf(base, summary), kind: "second-digest", entries };
}

/** Evidence of an entry and what is to be said of it. */
export function ofEntry(
  base: EvidenceBase,
  kind: EntryEvidence["kind"],
  summary: string,
  rest: Pick<EntryEvidence, "entry" | "before" | "artifact">,
): EvidenceFile {
  return { ...headOf(base, summary), kind, ...rest };
}
