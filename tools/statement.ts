/**
 * What a proof states about a file, checked: the one place where `add` and
 * `verify` compare an entry with what they themselves hold. The entry's bytes
 * come from the other side; they count because they say what we know already
 * and because their leaf hash is under the checkpoint.
 *
 * @module
 */

import {
  type Entry,
  equalBytes,
  formatChecksum,
  type Hash,
  leafHash,
  parseEntry,
  type Policy,
  type PolicyVerdict,
  type TlogProof,
  verifyTlogProof,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";

/** What the caller holds itself. */
export interface Held {
  /** The file's name: the identifier. */
  readonly filename: string;
  /** The file's digest. */
  readonly digest: Hash;
}

/** What a proof states, or why it does not state it. */
export type Statement =
  | {
    readonly kind: "proven";
    /** The logged entry. */
    readonly entry: Entry;
    /** The checkpoint that it is under, by the policy. */
    readonly verdict: Extract<PolicyVerdict, { kind: "accepted" }>;
  }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Checks that a proof is about a file, and that it holds under a policy.
 *
 * @param proof The proof, with the entry in `extra`.
 * @param held What the caller knows of the file.
 * @param policy Whom the caller trusts.
 */
export function checkStatement(
  proof: TlogProof,
  held: Held,
  policy: Policy,
): Statement {
  if (proof.extra === null) {
    return refused("the proof carries no entry: it has no extra line");
  }
  try {
    const entry = parseEntry(proof.extra);
    const difference = differenceOf(entry, held);
    if (difference !== null) return refused(difference);
    const leaf = leafHash(proof.extra);
    const verdict = verifyTlogProof(proof, leaf, policy, nativeEd25519);
    if (verdict.kind === "refused") return verdict;
    return { kind: "proven", entry, verdict };
  } catch (error) {
    if (error instanceof SyntaxError) return refused(error.message);
    throw error;
  }
}

function differenceOf(entry: Entry, { filename, digest }: Held): string | null {
  if (!equalBytes(entry.digest, digest)) {
    return `the digest differs: the file has ${formatChecksum(digest)}, the log has ${
      formatChecksum(entry.digest)
    }`;
  }
  if (entry.file !== filename) {
    return `the name differs: the file is ${filename}, the entry is about ${entry.file}`;
  }
  if (entry.event === "yank" || entry.event === "remove") {
    return `the entry says that the file was withdrawn (${entry.event})`;
  }
  return null;
}

function refused(why: string): Statement {
  return { kind: "refused", why };
}
