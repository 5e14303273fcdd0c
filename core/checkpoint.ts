/**
 * Checkpoints (C2SP tlog-checkpoint): the text of a signed note that names a
 * log, its tree size and its root hash.
 *
 * ```text
 * example.com/behind-the-sofa
 * 20852163
 * CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 * ```
 *
 * @module
 */

import { encodeBase64, excerpt, parseBase64, parseDecimal } from "./bytes.ts";
import { type Hash, HASH_SIZE } from "./hash.ts";
import { isNoteText, type NoteSignature, type NoteVerifier, openNote } from "./note.ts";

/** What a checkpoint says. */
export interface Checkpoint {
  /** The log's name for ever; compared byte by byte. */
  readonly origin: string;
  /** The tree size, at most 2^63-1. */
  readonly size: bigint;
  /** The root hash, 32 bytes. */
  readonly root: Hash;
  /** Opaque lines, none empty; not recommended. */
  readonly extensions: readonly string[];
}

/**
 * The text of a checkpoint, to be signed as a note.
 *
 * @throws {SyntaxError} If parsing it would not give this checkpoint back.
 */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, root, extensions } = checkpoint;
  const lines = [origin, `${size}`, encodeBase64(root), ...extensions];
  // A line break inside a line would say something else once it is signed.
  if (lines.some((line) => line.includes("\n"))) {
    throw malformed("a line must not hold a line break");
  }
  const text = lines.join("\n") + "\n";
  parseCheckpoint(text);
  return text;
}

/**
 * Parses the text of a note as a checkpoint. Formatting the result gives the
 * same text again.
 *
 * @throws {SyntaxError} If it is not a checkpoint, naming the line.
 */
export function parseCheckpoint(text: string): Checkpoint {
  if (!isNoteText(text)) {
    throw malformed(
      "it must end in a newline and hold no other control character",
    );
  }
  const [origin, size, root, ...extensions] = text.slice(0, -1).split("\n");
  if (!origin) throw malformed("origin must not be empty");
  if (size === undefined || root === undefined) {
    throw malformed("must have at least three lines: origin, size, root hash");
  }
  const parsedSize = parseDecimal(size, "checkpoint size");
  const hash = parseBase64(root);
  if (hash.length !== HASH_SIZE) {
    throw malformed(`root hash must have 32 bytes, not ${hash.length}`);
  }
  if (extensions.includes("")) {
    throw malformed("an extension line must not be empty");
  }
  return { origin, size: parsedSize, root: hash, extensions };
}

/** A checkpoint that a known key signed, or why it is refused. */
export type OpenedCheckpoint =
  | {
    readonly kind: "verified";
    /** What it says. */
    readonly checkpoint: Checkpoint;
    /** The text that was signed. */
    readonly text: string;
    /** The verified signatures. */
    readonly verified: readonly NoteSignature[];
  }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Opens a signed checkpoint of one log: steps 1–3 of a client's processing
 * order. What remains is the policy and consistency with what is known.
 *
 * @param note The signed note.
 * @param origin The log whose checkpoint it must be.
 * @param verifiers The keys trusted for that origin.
 * @throws {SyntaxError} If the note or its text is malformed.
 */
export function openCheckpoint(
  note: Uint8Array,
  origin: string,
  verifiers: readonly NoteVerifier[],
): OpenedCheckpoint {
  const opened = openNote(note, verifiers);
  switch (opened.kind) {
    case "unverified":
      return {
        kind: "refused",
        why: "the checkpoint carries no signature of a known key",
      };
    case "invalid-signature":
      return {
        kind: "refused",
        why: `the checkpoint's signature by ${opened.name} (key ${opened.keyId}) does not verify`,
      };
    case "verified": {
      const checkpoint = parseCheckpoint(opened.text);
      if (checkpoint.origin === origin) return { ...opened, checkpoint };
      return {
        kind: "refused",
        why: `the checkpoint is of the log "${excerpt(checkpoint.origin)}", not "${origin}"`,
      };
    }
  }
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse checkpoint: ${why}`);
}
