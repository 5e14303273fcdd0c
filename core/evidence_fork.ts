/**
 * Evidence of a fork: two checkpoints that one log signed and that cannot be of one
 * history. Equal sizes with different root hashes need nothing more. Between different
 * sizes, hashes that lead to the larger tree's root show what the root of its first
 * leaves is, and it is not the one that was signed for them.
 *
 * @module
 */

import { encodeHex, equalBytes } from "./bytes.ts";
import type { EvidenceVerdict, ForkEvidence } from "./evidence.ts";
import {
  describeCheckpoint,
  describeCosigned,
  describeLog,
  EvidenceRefused,
  type EvidenceTrust,
  openSigned,
} from "./evidence_open.ts";
import { parseProofHash } from "./head.ts";
import { formatVkey } from "./key.ts";
import { checkPrefix } from "./proof.ts";

/** Judges evidence of a fork. */
export function checkFork(
  { checkpoints, proof }: ForkEvidence,
  trust: EvidenceTrust,
): EvidenceVerdict {
  const [first, second] = checkpoints.map((note) => openSigned(note, trust)) as [Signed, Signed];
  const [a, b] = [first.checkpoint, second.checkpoint];
  if (a.size > b.size) throw new EvidenceRefused("the smaller checkpoint must stand first");
  const prefix = checkPrefix(a.size, b.size, b.root, proof.map(parseProofHash));
  if (prefix === null) {
    throw new EvidenceRefused(
      "its proof does not lead to the root hash of the larger checkpoint",
    );
  }
  if (equalBytes(prefix, a.root)) {
    throw new EvidenceRefused("both checkpoints are of one history: there is no fork");
  }
  const both = first.cosigned.filter(({ witness }) =>
    second.cosigned.some((other) => other.witness === witness)
  );
  return {
    kind: "verified",
    strength: "proof",
    against: describeLog(second.log),
    proves: [
      `${describeLog(first.log)} signed a checkpoint of ${describeCheckpoint(a)}.`,
      `${describeLog(second.log)} signed a checkpoint of ${describeCheckpoint(b)}.`,
      a.size === b.size
        ? "One tree of that size has one root hash, so the log showed two histories."
        : `The first ${a.size} leaves of the larger tree have the root hash ` +
          `${encodeHex(prefix)}, not the one that was signed for them, ` +
          "so the log changed or removed what it had logged.",
      `The first was cosigned by ${describeCosigned(first)}.`,
      `The second was cosigned by ${describeCosigned(second)}.`,
      ...both.map(({ witness }) =>
        `The witness ${witness.name} (key ${formatVkey(witness.key)}) cosigned both, ` +
        "which it must never do."
      ),
    ],
    reports: [],
    provesNot: [
      "Which of the two histories is the genuine one.",
      "Whether the operator did it or somebody who has the log's key.",
    ],
  };
}

type Signed = ReturnType<typeof openSigned>;
