/**
 * Judges a tlog-proof, and the file that it is about, from what the reader has and
 * nothing else.
 *
 * @module
 */

import {
  checkInclusion,
  checkPolicy,
  type Entry,
  equalBytes,
  formatChecksum,
  type Hash,
  leafHash,
  parseCheckpoint,
  parseEntry,
  parseNote,
  parseTlogProof,
  type Policy,
  type TlogProof,
} from "@indelible/core";
import { formatMoment, listNames } from "./format.ts";
import type { Check } from "./head_report.ts";
import { type MerklePath, merklePath } from "./merkle_path.ts";
import {
  unverifiable,
  type Verdict,
  type VerdictKind,
  verdictOf,
  verified,
  worst,
  wrong,
} from "./verdict.ts";

/** A file of the reader's. */
export interface HeldFile {
  /** Its name here. */
  readonly name: string;
  /** Its digest. */
  readonly digest: Hash;
}

/** What came of judging a proof. */
export interface ProofReport {
  /** The worst of the checks. */
  readonly kind: VerdictKind;
  /** The checks, in order. */
  readonly checks: readonly Check[];
  /** The proof; `null` when it cannot be read. */
  readonly proof: TlogProof | null;
  /** What the entry in it states. */
  readonly entry: Entry | null;
  /** The path to draw. */
  readonly path: MerklePath | null;
}

/**
 * Judges a proof.
 *
 * @param bytes The tlog-proof.
 * @param policy Whom the reader trusts, if they said.
 * @param file The file that it should be about, if they have it.
 */
export function judgeProof(
  bytes: Uint8Array,
  policy: Policy | null,
  file: HeldFile | null,
): ProofReport {
  const nothing = { proof: null, entry: null, path: null };
  let proof: TlogProof;
  let size: bigint;
  let root: Hash;
  try {
    proof = parseTlogProof(bytes);
    ({ size, root } = parseCheckpoint(parseNote(proof.checkpoint).text));
  } catch (error) {
    return { kind: "wrong", checks: [{ title: "Format", verdict: verdictOf(error) }], ...nothing };
  }
  const { extra, index } = proof;
  const leaf = extra && leafHash(extra);
  const entry = extra && readEntry(extra);
  const checks: Check[] = [{ title: "Checkpoint", verdict: judgeCheckpoint(proof, policy) }];
  checks.push({ title: "Inclusion", verdict: judgeInclusion(proof, leaf, size, root) });
  if (file) checks.push({ title: "File", verdict: judgeFile(entry, file) });
  const kind = worst(checks.map(({ verdict }) => verdict.kind));
  return {
    kind,
    checks,
    proof,
    entry,
    path: leaf && merklePath(index, size, leaf, proof.proof, root),
  };
}

function readEntry(bytes: Uint8Array): Entry | null {
  try {
    return parseEntry(bytes);
  } catch {
    return null;
  }
}

function judgeCheckpoint({ checkpoint }: TlogProof, policy: Policy | null): Verdict {
  if (!policy) {
    return unverifiable("Nobody has said whose signatures to trust: choose a policy.");
  }
  try {
    const signed = checkPolicy({ ...policy, quorum: null }, checkpoint);
    if (signed.kind === "refused") return wrong(`Not under your policy: ${signed.why}.`);
    const accepted = checkPolicy(policy, checkpoint);
    if (accepted.kind === "refused") {
      return unverifiable(`The log signed it, but ${accepted.why}.`);
    }
    const { log, cosigned } = accepted;
    const names = listNames(
      cosigned.map(({ witness, time }) => `${witness.key.name} at ${formatMoment(Number(time))}`),
    );
    return verified(
      `Signed by ${log.key.name}${
        names === "" ? "; the policy asks for no witness" : `, cosigned by ${names}`
      }.`,
    );
  } catch (error) {
    return verdictOf(error);
  }
}

function judgeInclusion(
  { index, proof }: TlogProof,
  leaf: Hash | null,
  size: bigint,
  root: Hash,
): Verdict {
  if (!leaf) return unverifiable("The proof does not carry its entry.");
  return checkInclusion(index, size, leaf, proof, root)
    ? verified(`The entry is number ${index} under the root hash of the checkpoint.`)
    : wrong("The proof does not lead from its entry to the root hash of the checkpoint.");
}

function judgeFile(entry: Entry | null, { name, digest }: HeldFile): Verdict {
  if (!entry) return unverifiable("The proof carries no statement to compare the file with.");
  if (!equalBytes(entry.digest, digest)) {
    return wrong(
      `Your file is not the one that the entry states: it has ${
        formatChecksum(digest)
      }, and the entry ` +
        `says ${formatChecksum(entry.digest)}. Do not install it.`,
    );
  }
  return entry.file === name
    ? verified("Your file is the one that the entry states, by name and digest.")
    : unverifiable(`Your file has the logged bytes, but they are of ${entry.file}, not ${name}.`);
}
