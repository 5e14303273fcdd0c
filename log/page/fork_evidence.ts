/**
 * Evidence of two histories that one browser was shown: the head that it remembers
 * and the one that it is shown now, in the file that `verify-evidence` checks offline.
 *
 * @module
 */

import {
  checkEvidence,
  encodeBase64,
  encodeEvidence,
  type ForkEvidence,
  parseCheckpoint,
  parseNote,
  parseUtf8,
  provePrefix,
} from "@indelible/core";
import { formatEntries } from "./format.ts";
import type { SignedHead } from "./head_report.ts";

/**
 * Makes the evidence file.
 *
 * @param shown The head that the log shows now.
 * @param seen The signed checkpoint that the browser saw before.
 * @param policy The policy that both are signed under.
 * @param now When.
 * @returns Its bytes, or `null` when the two heads prove no fork, as when the log only went back.
 */
export async function forkEvidence(
  shown: SignedHead,
  seen: Uint8Array,
  policy: string,
  now: Date,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const before = parseCheckpoint(parseNote(seen).text);
  const { checkpoint, note, reader } = shown;
  if (checkpoint.size < before.size) return null;
  try {
    const proof = await provePrefix(
      before.size,
      checkpoint.size,
      (nodes) => reader.readHashes(nodes),
    );
    const evidence: ForkEvidence = {
      kind: "fork",
      origin: checkpoint.origin,
      time: now.toISOString(),
      summary: `A browser was shown two histories: a head of ${formatEntries(before.size)}, ` +
        `and later one of ${formatEntries(checkpoint.size)} that does not contain it.`,
      policy,
      checkpoints: [parseUtf8(seen), parseUtf8(note)],
      proof: proof.map(encodeBase64),
    };
    const verdict = await checkEvidence(evidence, null);
    return verdict.kind === "verified" ? encodeEvidence(evidence) : null;
  } catch {
    return null; // The log does not serve the tiles of what it signed.
  }
}
