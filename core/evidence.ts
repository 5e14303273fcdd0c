/**
 * Evidence: one self-contained JSON file that shows what a log signed, for anybody
 * to check offline. Here is what such a file holds; `evidence_file.ts` reads and
 * writes it, `evidence_check.ts` judges it and says what it proves.
 *
 * Signed notes and tlog-proofs stand in it verbatim, as text. `time`, `summary` and
 * what is marked as a report below are the monitor's own words, which nobody signed.
 *
 * @module
 */

/** The `format` member of every evidence file. */
export const EVIDENCE_FORMAT = "indelible-evidence/v1";

/** What every evidence file holds. */
export interface EvidenceHead {
  /** The log that it is about. */
  readonly origin: string;
  /** When the monitor wrote it, RFC 3339 in UTC; a report. */
  readonly time: string;
  /** What the monitor says happened, in one sentence; a report. */
  readonly summary: string;
  /** The C2SP policy that the monitor judged by: whose keys signed. */
  readonly policy: string;
}

/** Two signed checkpoints that cannot be of one history. */
export interface ForkEvidence extends EvidenceHead {
  /** Tells it from other evidence. */
  readonly kind: "fork";
  /** Both signed notes, the one of the smaller size first. */
  readonly checkpoints: readonly [string, string];
  /**
   * Between different sizes: the hashes that lead from the larger tree's root to the
   * root of its first leaves, as many as the smaller tree has ({@linkcode provePrefix}).
   */
  readonly proof: readonly string[];
}

/** Two entries of one file with different digests, both in the log. */
export interface SecondDigestEvidence extends EvidenceHead {
  /** Tells it from other evidence. */
  readonly kind: "second-digest";
  /** The tlog-proofs of both entries, each with its entry as `extra`, the first logged first. */
  readonly entries: readonly [string, string];
}

/** A resource as the log served it. */
export interface ServedResource {
  /** Its path below the log's URL. */
  readonly path: string;
  /** Its bytes, standard base64. */
  readonly bytes: string;
}

/** What the log served is not under the checkpoint that it signed. */
export interface RootMismatchEvidence extends EvidenceHead {
  /** Tells it from other evidence. */
  readonly kind: "root-mismatch";
  /** The signed note. */
  readonly checkpoint: string;
  /** The tiles as served, in the order in which each vouches for the next; a report. */
  readonly tiles: readonly ServedResource[];
  /** The entry as served that is not the one its tile names; without it the last tile is wrong. */
  readonly entry?: {
    /** Its leaf index, decimal. */
    readonly index: string;
    /** Its bytes, standard base64; a report. */
    readonly bytes: string;
  };
}

/** What evidence about one entry can report beside it. */
export const ENTRY_REPORTS = [
  "unauthorised",
  "watched",
  "publisher-changed",
  "publisher-vanished",
  "artifact-differs",
  "artifact-missing",
] as const;

/** An entry that is in the log, and what the monitor reports of it. */
export interface EntryEvidence extends EvidenceHead {
  /** What is reported. */
  readonly kind: typeof ENTRY_REPORTS[number];
  /** The entry's tlog-proof, with the entry as `extra`. */
  readonly entry: string;
  /** The tlog-proof of an earlier entry to compare with, as of another publisher. */
  readonly before?: string;
  /** What the registry served under the entry's file name; a report. */
  readonly artifact?: {
    /** Where it was fetched. */
    readonly url: string;
    /** Its SHA-256, lowercase hexadecimal; missing when nothing was served. */
    readonly sha256?: string;
    /** When it was fetched, RFC 3339 in UTC. */
    readonly time: string;
  };
}

/** What evidence about one checkpoint can report. */
export const CHECKPOINT_REPORTS = [
  "witness-silent",
  "checkpoint-stale",
  "log-stalled",
  "not-accepted",
] as const;

/** A checkpoint as it stood, and what the monitor reports of it. */
export interface CheckpointEvidence extends EvidenceHead {
  /** What is reported. */
  readonly kind: typeof CHECKPOINT_REPORTS[number];
  /** The signed note. */
  readonly checkpoint: string;
  /** The witness that is silent, by its name in the policy. */
  readonly witness?: string;
}

/** What an evidence file says, nothing of it verified. */
export type EvidenceFile =
  | ForkEvidence
  | SecondDigestEvidence
  | RootMismatchEvidence
  | EntryEvidence
  | CheckpointEvidence;

/** Which evidence there is. */
export type EvidenceKind = EvidenceFile["kind"];

/** What came of checking evidence. */
export type EvidenceVerdict =
  | {
    readonly kind: "verified";
    /** `proof`: signatures alone show it. `report`: a part of it is only the monitor's word. */
    readonly strength: "proof" | "report";
    /** Whose misbehaviour or statement it shows: a log or a witness, by key. */
    readonly against: string;
    /** What follows from the signatures, a plain sentence each. */
    readonly proves: readonly string[];
    /** What only the monitor says. */
    readonly reports: readonly string[];
    /** What does not follow, though it may seem to. */
    readonly provesNot: readonly string[];
  }
  | { readonly kind: "refused"; readonly why: string };
