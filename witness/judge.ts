/**
 * The witness's decision, pure: what is known of a log and what it asks for go
 * in, a verdict comes out. The checks stand in the order of C2SP tlog-witness;
 * the signature comes before the state, so that strangers learn no sizes.
 *
 * What is signed is a re-encoding of what was parsed, never the bytes that came
 * in, so a difference between two parsers cannot become a signature. Extension
 * lines are refused: an ML-DSA-44 cosignature would not cover them.
 *
 * @module
 */

import {
  type AddCheckpoint,
  checkConsistency,
  type Checkpoint,
  EMPTY_ROOT,
  encodeBase64,
  equalBytes,
  excerpt,
  formatSignatureLine,
  type Hash,
  type NoteVerifier,
  openNote,
  parseAddCheckpoint,
  parseCheckpoint,
  parseUtf8,
} from "@indelible/core";

/** The head of the largest tree that was cosigned, and when. */
export interface KnownHead {
  /** Its size. */
  readonly size: bigint;
  /** Its root hash. */
  readonly root: Hash;
  /** The time of the latest cosignature, POSIX seconds. */
  readonly time: bigint;
}

/** Why a request is refused; `http.ts` gives each kind its status. */
export type Refusal =
  /** The request cannot be what it should be. */
  | { readonly kind: "malformed"; readonly why: string; readonly field: string }
  /** The origin is not one that the witness knows. */
  | { readonly kind: "unknown-log"; readonly why: string }
  /** No trusted signature, or one that fails. */
  | { readonly kind: "untrusted"; readonly why: string }
  /** The old size is not that of the latest cosigned checkpoint, which is `size`. */
  | {
    readonly kind: "conflict";
    readonly size: bigint;
    readonly evidence?: EvidenceKind;
  }
  /** The tree does not grow out of the one that was cosigned. */
  | {
    readonly kind: "inconsistent";
    readonly why: string;
    readonly field: string;
    readonly evidence?: EvidenceKind;
  }
  /** The witness cannot cosign now, through no fault of the log. */
  | { readonly kind: "unavailable"; readonly why: string };

/**
 * What a refused head, signed by the log, shows of it:
 * - `fork`: another root hash at the size that was cosigned. The two notes
 *   together prove that the log signed two histories.
 * - `unproven`: a larger tree whose consistency was not shown. By itself no
 *   proof, since anyone may send a wrong consistency proof.
 */
export type EvidenceKind = "fork" | "unproven";

/** A request whose head is parsed; nothing in it is verified. */
export interface OpenedRequest {
  /** What was asked. */
  readonly request: AddCheckpoint;
  /** The first line of the checkpoint. */
  readonly origin: string;
}

/** A checkpoint that the log signed, and what is asked for it. */
export interface Submission {
  /** The size that the log believes was cosigned last. */
  readonly oldSize: bigint;
  /** The consistency proof from there. */
  readonly proof: readonly Hash[];
  /** What the checkpoint says. */
  readonly checkpoint: Checkpoint;
  /** Its text, encoded by us. */
  readonly text: string;
  /** The log's verified signature lines, encoded by us. */
  readonly logLines: string;
}

/** What to do with a submission. */
export type Verdict = { readonly kind: "cosign" } | Refusal;

/** Check 1: parses the head of a request and finds the origin it is about. */
export function openRequest(body: Uint8Array): OpenedRequest | Refusal {
  let request: AddCheckpoint;
  try {
    request = parseAddCheckpoint(body);
  } catch (error) {
    return malformed(error, "request");
  }
  const origin = originLine(request.checkpoint);
  if (origin !== null) return { request, origin };
  return {
    kind: "malformed",
    why: "The checkpoint's first line must be UTF-8 and end in a newline",
    field: "checkpoint",
  };
}

/** Check 2 fails: the origin is not known. */
export function unknownLog(origin: string): Refusal {
  return {
    kind: "unknown-log",
    why: `The origin "${excerpt(origin, 255)}" is not a log of this witness`,
  };
}

/**
 * Checks 3 to 5: opens the note with the keys trusted for its origin.
 *
 * @param opened The request.
 * @param verifiers The keys trusted for its origin.
 */
export function openSubmission(
  { request, origin }: OpenedRequest,
  verifiers: readonly NoteVerifier[],
): Submission | Refusal {
  let note;
  try {
    note = openNote(request.checkpoint, verifiers);
  } catch (error) {
    return malformed(error, "checkpoint");
  }
  if (note.kind === "unverified") {
    return {
      kind: "untrusted",
      why: "The checkpoint carries no signature of a key trusted for its log",
    };
  }
  if (note.kind === "invalid-signature") {
    return {
      kind: "untrusted",
      why: `The checkpoint's signature by ${
        excerpt(note.name)
      } (key ${note.keyId}) does not verify`,
    };
  }
  try {
    const { checkpoint, text } = readOwnForm(note.text, origin);
    return {
      oldSize: request.oldSize,
      proof: request.proof,
      checkpoint,
      text,
      logLines: note.verified.map(formatSignatureLine).join(""),
    };
  } catch (error) {
    return malformed(error, "checkpoint");
  }
}

/**
 * Parses a verified text as a checkpoint in the one form that is cosigned, and
 * encodes it again.
 *
 * @param verified The text of a note that was opened.
 * @param origin The log that it must be of.
 * @throws {SyntaxError} If it is no checkpoint, or has another form.
 */
export function readOwnForm(
  verified: string,
  origin: string,
): { checkpoint: Checkpoint; text: string } {
  const checkpoint = parseCheckpoint(verified);
  if (checkpoint.extensions.length > 0) {
    throw new SyntaxError(
      "Cannot cosign checkpoint: this witness refuses extension lines",
    );
  }
  const { size, root } = checkpoint;
  const text = `${checkpoint.origin}\n${size}\n${encodeBase64(root)}\n`;
  if (checkpoint.origin !== origin || text !== verified) {
    throw new SyntaxError(
      "Cannot cosign checkpoint: it is not in its one canonical form",
    );
  }
  return { checkpoint, text };
}

/** The first line of a checkpoint, `null` if there is none that is UTF-8. */
export function originLine(checkpoint: Uint8Array): string | null {
  const end = checkpoint.indexOf(0x0a);
  if (end < 0) return null;
  try {
    return parseUtf8(checkpoint.subarray(0, end));
  } catch {
    return null;
  }
}

/**
 * Checks 6 to 10: compares with what was cosigned last.
 *
 * @param known The latest cosigned head of this log, `null` for none.
 * @param submission What the log asks for.
 * @param now POSIX seconds.
 */
export function judge(
  known: KnownHead | null,
  { oldSize, proof, checkpoint }: Submission,
  now: bigint,
): Verdict {
  const { size, root } = checkpoint;
  const held = known ?? { size: 0n, root: EMPTY_ROOT, time: 0n };
  if (oldSize > size) {
    return {
      kind: "malformed",
      why: `The old size ${oldSize} is over the checkpoint's size ${size}`,
      field: "old",
    };
  }
  if (size === 0n && !equalBytes(root, EMPTY_ROOT)) {
    return inconsistent("root", "The root hash of size 0 is that of no bytes");
  }
  // Proof of a fork, whatever else is wrong with the request.
  const forked = known !== null && size === held.size &&
    !equalBytes(root, held.root);
  if (oldSize !== held.size) {
    return {
      kind: "conflict",
      size: held.size,
      ...(forked && { evidence: "fork" }),
    };
  }
  if (forked) {
    return inconsistent(
      "root",
      `The root hash is not the one cosigned for size ${size}`,
      "fork",
    );
  }
  if (oldSize === 0n || oldSize === size) {
    if (proof.length > 0) {
      return inconsistent(
        "proof",
        `The consistency proof from size ${oldSize} to ${size} must be empty`,
      );
    }
  } else if (!checkConsistency(oldSize, size, held.root, root, proof)) {
    return inconsistent(
      "proof",
      `The consistency proof from size ${oldSize} to ${size} does not verify`,
      "unproven",
    );
  }
  if (now < 1n || now < held.time) {
    return {
      kind: "unavailable",
      why: "The witness's clock is behind its latest cosignature",
    };
  }
  return { kind: "cosign" };
}

function inconsistent(
  field: string,
  why: string,
  evidence?: EvidenceKind,
): Refusal {
  return { kind: "inconsistent", why, field, ...(evidence && { evidence }) };
}

/** The refusal of what a parser threw at; any other error is passed on. */
export function malformed(error: unknown, field: string): Refusal {
  if (!(error instanceof SyntaxError)) throw error;
  return { kind: "malformed", why: error.message, field };
}
