/**
 * tlog-proofs (C2SP tlog-proof): leaf index, inclusion proof and checkpoint in
 * one text, for checking offline. `extra` is opaque to the format and not
 * authenticated by it; here it carries the entry, which counts only because its
 * leaf hash is what the proof is about.
 *
 * @module
 */

import { concat, encodeBase64, parseBase64, parseDecimal, utf8 } from "./bytes.ts";
import { type Ed25519, pureEd25519 } from "./ed25519.ts";
import type { Hash } from "./hash.ts";
import { parseProofHash, splitHead } from "./head.ts";
import { checkPolicy, type Policy, type PolicyVerdict } from "./policy.ts";
import { checkInclusion } from "./proof.ts";

/** The first line of every tlog-proof. */
const HEADER = "c2sp.org/tlog-proof@v1";

/** What a tlog-proof says, nothing of it verified. */
export interface TlogProof {
  /** Opaque bytes, here the entry; `null` when there is no such line. */
  readonly extra: Uint8Array | null;
  /** The leaf index. */
  readonly index: bigint;
  /** The inclusion proof, the leaf's sibling first. */
  readonly proof: readonly Hash[];
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: Uint8Array;
}

/** The text of a tlog-proof. */
export function formatTlogProof(
  { extra, index, proof, checkpoint }: TlogProof,
): Uint8Array<ArrayBuffer> {
  const head = [
    HEADER,
    ...(extra === null ? [] : [`extra ${encodeBase64(extra)}`]),
    `index ${index}`,
    ...proof.map(encodeBase64),
    "\n",
  ];
  return concat(utf8(head.join("\n")), checkpoint);
}

/**
 * Parses a tlog-proof. The checkpoint is taken verbatim.
 *
 * @throws {SyntaxError} If the head is malformed.
 */
export function parseTlogProof(bytes: Uint8Array): TlogProof {
  const { head, rest: checkpoint } = splitHead(bytes, "tlog-proof");
  const [header, ...lines] = head;
  if (header !== HEADER) throw malformed(`the first line must be "${HEADER}"`);
  const extra = lines[0]?.startsWith("extra ") ? parseBase64(lines.shift()!.slice(6)) : null;
  const indexLine = lines.shift();
  if (!indexLine?.startsWith("index ")) {
    throw malformed('expected an "index <number>" line');
  }
  const index = parseDecimal(indexLine.slice(6), "leaf index");
  return { extra, index, proof: lines.map(parseProofHash), checkpoint };
}

/**
 * Verifies a tlog-proof for a leaf hash that the caller computed from what it
 * itself holds. The checkpoint must satisfy the policy and the entry must be
 * under its root.
 *
 * @throws {SyntaxError} If the checkpoint is malformed.
 */
export function verifyTlogProof(
  { index, proof, checkpoint: note }: TlogProof,
  leaf: Hash,
  policy: Policy,
  ed25519: Ed25519 = pureEd25519,
): PolicyVerdict {
  const verdict = checkPolicy(policy, note, ed25519);
  if (verdict.kind === "refused") return verdict;
  const { size, root } = verdict.checkpoint;
  if (checkInclusion(index, size, leaf, proof, root)) return verdict;
  return {
    kind: "refused",
    why: `the inclusion proof does not lead from this entry at index ${index} ` +
      `to the root hash of the checkpoint of size ${size}`,
  };
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse tlog-proof: ${why}`);
}
