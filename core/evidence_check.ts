/**
 * Checking evidence: what it shows, against whom, and what it does not show. Pure and
 * offline: all of it is in the file, but for one question, whose keys those are, which
 * only a policy answers that the reader has from elsewhere.
 *
 * @module
 */

import { utf8 } from "./bytes.ts";
import { type Ed25519, pureEd25519 } from "./ed25519.ts";
import type { EvidenceFile, EvidenceVerdict } from "./evidence.ts";
import { checkEntryReport, checkSecondDigest } from "./evidence_entry.ts";
import { checkFork } from "./evidence_fork.ts";
import { EvidenceRefused, type EvidenceTrust } from "./evidence_open.ts";
import { checkCheckpointReport, checkRootMismatch } from "./evidence_served.ts";
import { parsePolicy, type Policy } from "./policy.ts";

const OWN_KEYS = "Whose keys these are: this file names them itself. " +
  "Compare the log's key with the one you know, or check with your own policy.";

/**
 * Checks evidence.
 *
 * @param evidence What the file says.
 * @param trusted The reader's own policy; without it the keys are those that the file names.
 * @param ed25519 The implementation to verify with.
 */
export async function checkEvidence(
  evidence: EvidenceFile,
  trusted: Policy | null,
  ed25519: Ed25519 = pureEd25519,
): Promise<EvidenceVerdict> {
  try {
    const policy = trusted ?? parsePolicy(utf8(evidence.policy));
    const verdict = await judge(evidence, { origin: evidence.origin, policy, ed25519 });
    if (verdict.kind === "refused" || trusted) return verdict;
    return { ...verdict, provesNot: [...verdict.provesNot, OWN_KEYS] };
  } catch (error) {
    if (!(error instanceof EvidenceRefused || error instanceof SyntaxError)) throw error;
    return { kind: "refused", why: error.message };
  }
}

function judge(
  evidence: EvidenceFile,
  trust: EvidenceTrust,
): EvidenceVerdict | Promise<EvidenceVerdict> {
  switch (evidence.kind) {
    case "fork":
      return checkFork(evidence, trust);
    case "second-digest":
      return checkSecondDigest(evidence, trust);
    case "root-mismatch":
      return checkRootMismatch(evidence, trust);
    case "unauthorised":
    case "watched":
    case "publisher-changed":
    case "publisher-vanished":
    case "artifact-differs":
    case "artifact-missing":
      return checkEntryReport(evidence, trust);
    case "witness-silent":
    case "checkpoint-stale":
    case "log-stalled":
    case "not-accepted":
      return checkCheckpointReport(evidence, trust);
  }
}
