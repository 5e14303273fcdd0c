/**
 * Evidence about entries: two digests of one file, both in the log, which the log must
 * never have; and entries that are in the log as they should be, of which the monitor
 * reports something else: that nobody authorised them, that the registry serves other
 * bytes.
 *
 * @module
 */

import { encodeHex, equalBytes } from "./bytes.ts";
import type { Publisher } from "./entry.ts";
import type { EntryEvidence, EvidenceVerdict, SecondDigestEvidence } from "./evidence.ts";
import {
  describeCheckpoint,
  describeCosigned,
  describeEntry,
  describeLog,
  EvidenceRefused,
  type EvidenceTrust,
  openEntry,
  type SignedEntry,
} from "./evidence_open.ts";

/** Judges evidence of a second digest. */
export function checkSecondDigest(
  { entries }: SecondDigestEvidence,
  trust: EvidenceTrust,
): EvidenceVerdict {
  const [first, second] = entries.map((text) => openEntry(text, trust)) as [
    SignedEntry,
    SignedEntry,
  ];
  const [a, b] = [first.entry, second.entry];
  if (a.ecosystem !== b.ecosystem || a.file !== b.file) {
    throw new EvidenceRefused("its entries are about different files");
  }
  if (equalBytes(a.digest, b.digest)) {
    throw new EvidenceRefused("its entries have the same digest: there is no second one");
  }
  if (first.index > second.index) {
    throw new EvidenceRefused("the entry that was logged first must stand first");
  }
  return {
    kind: "verified",
    strength: "proof",
    against: describeLog(second.log),
    proves: [
      inTree(first),
      inTree(second),
      `A log that keeps its promise has at most one digest of ${a.file}, for ever: ` +
      "this one broke it.",
    ],
    reports: [],
    provesNot: [
      "Which of the two digests is the genuine file's.",
      "Whether the operator did it or somebody who has the log's key.",
    ],
  };
}

/** What each report about an entry says beyond the log, and what is not shown. */
const WORDS: Readonly<
  Record<EntryEvidence["kind"], { readonly reported: string; readonly provesNot: string }>
> = {
  "unauthorised": {
    reported: "The monitor says that nobody who watches this project authorised the release.",
    provesNot: "That the release was not authorised: only those who may release can tell.",
  },
  "watched": {
    reported: "The monitor says that somebody watches for this.",
    provesNot: "That anything is wrong with the entry.",
  },
  "publisher-changed": {
    reported: "The monitor says that it saw no entry of the project between the two.",
    provesNot: "That the change was not meant: a project may change how it releases.",
  },
  "publisher-vanished": {
    reported: "The monitor says that it saw no entry of the project between the two.",
    provesNot: "That the change was not meant: a project may change how it releases.",
  },
  "artifact-differs": {
    reported: "The monitor says that the registry served other bytes than were logged.",
    provesNot: "What the registry served: it does not sign its files. Fetch the file and compare.",
  },
  "artifact-missing": {
    reported: "The monitor says that the registry did not serve the file.",
    provesNot: "That the registry does not serve it: it may do so to others, or again.",
  },
};

/** Judges evidence about an entry that is in the log. */
export function checkEntryReport(
  evidence: EntryEvidence,
  trust: EvidenceTrust,
): EvidenceVerdict {
  const logged = openEntry(evidence.entry, trust);
  const before = evidence.before === undefined ? null : openEntry(evidence.before, trust);
  requireFitting(evidence, logged, before);
  const { artifact } = evidence;
  const { reported, provesNot } = WORDS[evidence.kind];
  return {
    kind: "verified",
    strength: "report",
    against: describeLog(logged.log),
    proves: [
      ...before ? [inTree(before)] : [],
      inTree(logged),
      `That tree was cosigned by ${describeCosigned(logged)}.`,
    ],
    reports: [
      reported,
      ...artifact
        ? [
          `At ${artifact.time} it fetched ${artifact.url}` +
          (artifact.sha256 === undefined ? "." : ` and got SHA-256 ${artifact.sha256}.`),
        ]
        : [],
    ],
    provesNot: [provesNot],
  };
}

/** Refuses what contradicts the kind of evidence that it claims to be. */
function requireFitting(
  { kind, artifact }: EntryEvidence,
  { entry, index }: SignedEntry,
  before: SignedEntry | null,
): void {
  const need = (holds: boolean, why: string): void => {
    if (!holds) throw new EvidenceRefused(why);
  };
  const aboutArtifact = kind === "artifact-differs" || kind === "artifact-missing";
  need(aboutArtifact === (artifact !== undefined), `${kind} goes with artifact, and nothing else`);
  if (kind === "artifact-differs") {
    need(artifact?.sha256 !== undefined, "it does not say what the registry served");
    need(artifact?.sha256 !== encodeHex(entry.digest), "what the registry served is as logged");
  } else if (kind === "artifact-missing") {
    need(artifact?.sha256 === undefined, "it says what the registry served");
  }
  const aboutPublisher = kind === "publisher-changed" || kind === "publisher-vanished";
  need(aboutPublisher === (before !== null), `${kind} goes with before, and nothing else`);
  if (before === null) return;
  need(before.index < index, "the entry before must have been logged before");
  need(before.entry.publisher !== undefined, "the entry before names no publisher");
  need(
    kind === "publisher-vanished"
      ? entry.publisher === undefined
      : entry.publisher !== undefined && !isSame(before.entry.publisher!, entry.publisher),
    "the publisher is not as it says",
  );
}

function isSame(a: Publisher, b: Publisher): boolean {
  return a.issuer === b.issuer && a.subject === b.subject;
}

function inTree(signed: SignedEntry): string {
  return `${describeLog(signed.log)} signed a tree of ${describeCheckpoint(signed.checkpoint)}, ` +
    `which holds ${describeEntry(signed)}.`;
}
