/**
 * tlog-proofs: what proves many entries under one checkpoint, in one file. It
 * holds the checkpoint once and each node of the tree at most once, and expands
 * to a C2SP tlog-proof for each entry. The form is ours (`docs/formats.md`):
 *
 * ```text
 * indelible/tlog-proofs@v1
 * entries 300
 * checkpoint 412
 *
 * ```
 *
 * then the checkpoint's bytes, the entries, and the hashes of the largest
 * subtrees that hold none of them, leftmost first; how many those are follows
 * from the leaf indices and the tree size, so nothing can be left over.
 *
 * @module
 */

import { concat, equalBytes, parseDecimal, utf8 } from "./bytes.ts";
import { parseCheckpoint } from "./checkpoint.ts";
import { type Ed25519, pureEd25519 } from "./ed25519.ts";
import { type Hash, HASH_SIZE } from "./hash.ts";
import { splitHead } from "./head.ts";
import { parseNote } from "./note.ts";
import { checkPolicy, type Policy, type PolicyVerdict } from "./policy.ts";
import { hashesOf } from "./tile.ts";
import type { TlogProof } from "./tlog_proof.ts";
import {
  type DecodedEntry,
  decodeIndexedEntries,
  encodeIndexedEntries,
} from "./tlog_proofs_entries.ts";
import {
  countSharedNodes,
  type IndexedEntry,
  rootFromShared,
  shareNodes,
  singleProofs,
} from "./tlog_proofs_tree.ts";

/** The first line of every tlog-proofs file. */
const HEADER = "indelible/tlog-proofs@v1";

/** Entries and what proves them, nothing of it verified. */
export interface TlogProofs {
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: Uint8Array;
  /** The entries, ascending by leaf index. */
  readonly entries: readonly IndexedEntry[];
  /** The hashes of the largest subtrees without any of the entries, leftmost first. */
  readonly nodes: readonly Hash[];
}

/** {@linkcode TlogProofs} as they were read. */
export interface DecodedTlogProofs extends TlogProofs {
  /** The entries, and what they say where that was read anyway. */
  readonly entries: readonly DecodedEntry[];
}

/** An entry with the proof of it alone. */
export interface ProvenEntry extends IndexedEntry {
  /** The inclusion proof, the leaf's sibling first. */
  readonly proof: readonly Hash[];
}

/**
 * Brings proofs under one checkpoint together.
 *
 * @param checkpoint The signed checkpoint.
 * @param proven The entries in any order, each with its proof under that checkpoint.
 * @throws {SyntaxError} If the checkpoint is malformed or of an empty tree.
 * @throws {RangeError} If two entries have one index, or a proof is too short.
 */
export function combineProofs(
  checkpoint: Uint8Array,
  proven: readonly ProvenEntry[],
): TlogProofs {
  const { size, root } = treeOf(checkpoint);
  const sorted = proven.toSorted((a, b) => a.index < b.index ? -1 : 1);
  const indices = sorted.map(({ index }) => index);
  if (indices.some((index, i) => i > 0 && index === indices[i - 1])) {
    throw new RangeError("Cannot combine proofs: two of them are of one leaf index");
  }
  return {
    checkpoint,
    entries: sorted.map(({ index, entry }) => ({ index, entry })),
    nodes: shareNodes(indices, size, root, sorted.map(({ proof }) => proof)),
  };
}

/** The bytes of a tlog-proofs file. */
export function formatTlogProofs(proofs: TlogProofs): Uint8Array<ArrayBuffer> {
  const { checkpoint, entries, nodes } = proofs;
  const head = `${HEADER}\nentries ${entries.length}\ncheckpoint ${checkpoint.length}\n\n`;
  return concat(utf8(head), checkpoint, encodeIndexedEntries(entries), ...nodes);
}

/**
 * Parses a tlog-proofs file: only what {@linkcode formatTlogProofs} writes.
 *
 * @throws {SyntaxError} If it is anything else.
 */
export function parseTlogProofs(bytes: Uint8Array): TlogProofs {
  const { checkpoint, entries, nodes } = decodeTlogProofs(bytes);
  const plain = entries.map(({ index, entry }) => ({ index, entry }));
  const proofs = { checkpoint, entries: plain, nodes };
  if (!equalBytes(formatTlogProofs(proofs), bytes)) throw malformed("it is not in canonical form");
  return proofs;
}

/**
 * Reads tlog-proofs that nobody will keep, as they come over the network: the same may
 * have been spelled in another way than {@linkcode formatTlogProofs} does.
 *
 * @throws {SyntaxError} If they cannot be read.
 */
export function decodeTlogProofs(bytes: Uint8Array): DecodedTlogProofs {
  const { head, rest } = splitHead(bytes, "tlog-proofs");
  const [header, entriesLine = "", checkpointLine = "", ...extra] = head;
  if (header !== HEADER) throw malformed(`the first line must be "${HEADER}"`);
  const count = numberAfter("entries ", entriesLine);
  const length = Number(numberAfter("checkpoint ", checkpointLine));
  if (extra.length > 0) throw malformed("its head has three lines");
  if (length > rest.length) throw malformed("it ends too early");
  const checkpoint = rest.slice(0, length);
  const { size } = treeOf(checkpoint);
  const decoded = decodeIndexedEntries(rest.subarray(length), count);
  const indices = decoded.entries.map(({ index }) => index);
  if ((indices.at(-1) ?? -1n) >= size) throw malformed("a leaf index is beyond the tree");
  if (decoded.rest.length !== countSharedNodes(indices, size) * HASH_SIZE) {
    throw malformed("it does not end with the last hash that its entries need");
  }
  const nodes = hashesOf(decoded.rest.slice());
  return { checkpoint, entries: decoded.entries, nodes };
}

/**
 * Verifies that all entries are under a checkpoint that satisfies a policy. What
 * the entries say is for the caller to compare with what it holds.
 *
 * @throws {SyntaxError} If the checkpoint is malformed.
 */
export function verifyTlogProofs(
  { checkpoint: note, entries, nodes }: TlogProofs,
  policy: Policy,
  ed25519: Ed25519 = pureEd25519,
): PolicyVerdict {
  const verdict = checkPolicy(policy, note, ed25519);
  if (verdict.kind === "refused") return verdict;
  const { size, root } = verdict.checkpoint;
  if (equalBytes(rootFromShared(entries, size, nodes), root)) return verdict;
  return {
    kind: "refused",
    why: `the proofs do not lead from their ${entries.length} entries ` +
      `to the root hash of the checkpoint of size ${size}`,
  };
}

/** The tlog-proof of each entry, with the entry in `extra`. */
export function expandTlogProofs({ checkpoint, entries, nodes }: TlogProofs): TlogProof[] {
  const proofs = singleProofs(entries, treeOf(checkpoint).size, nodes);
  return entries.map(({ index, entry }, i) => ({
    extra: entry,
    index,
    proof: proofs[i]!,
    checkpoint,
  }));
}

/** The tree that a checkpoint is of; nothing of it verified. */
function treeOf(checkpoint: Uint8Array): { readonly size: bigint; readonly root: Hash } {
  const { size, root } = parseCheckpoint(parseNote(checkpoint).text);
  if (size === 0n) throw malformed("its checkpoint is of the empty tree, which proves nothing");
  return { size, root };
}

function numberAfter(keyword: string, line: string): bigint {
  if (line.startsWith(keyword)) {
    return parseDecimal(line.slice(keyword.length), keyword.trimEnd());
  }
  throw malformed(`expected a line "${keyword}<number>"`);
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse tlog-proofs: ${why}`);
}
