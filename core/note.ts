/**
 * Signed notes (C2SP signed-note): a text, a blank line, signature lines.
 *
 * ```text
 * This is an example message.
 *
 * — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
 * ```
 *
 * The text may hold blank lines: the **last** blank line ends it. What is signed
 * is the text with its final newline. Keys are found by name and key ID; lines
 * by other keys are ignored, but one failing line of a known key rejects the
 * whole note. Nothing of a note may be used before {@linkcode openNote} says so.
 *
 * @module
 */

import {
  concat,
  encodeBase64,
  encodeHex,
  equalBytes,
  excerpt,
  parseBase64,
  parseHex,
  parseUtf8,
  utf8,
} from "./bytes.ts";
import { type Ed25519, pureEd25519 } from "./ed25519.ts";
import { isKeyName, type SignerKey, type VerifierKey } from "./key.ts";

/** The most bytes a note may have: Go's limit. */
export const MAX_NOTE_SIZE = 1_000_000;
/** The most signature lines a note may have: Go's limit. */
export const MAX_SIGNATURES = 100;

/** One signature line, not yet verified. */
export interface NoteSignature {
  /** Key name. */
  readonly name: string;
  /** Key ID, eight lowercase hexadecimal digits. */
  readonly keyId: string;
  /** What follows the key ID: its form depends on the key's type. */
  readonly signature: Uint8Array;
}

/** A note as it stands, nothing verified. */
export interface ParsedNote {
  /** The signed text, with its final newline. */
  readonly text: string;
  /** Its signature lines, in order; at least one. */
  readonly signatures: readonly NoteSignature[];
}

/** Checks signatures of one key. */
export interface NoteVerifier {
  /** Key name. */
  readonly name: string;
  /** Key ID, eight lowercase hexadecimal digits. */
  readonly keyId: string;
  /** Whether the bytes after the key ID are this key's signature of the text. Never throws. */
  verify(text: string, signature: Uint8Array): boolean;
}

/** Makes signatures with one key. */
export interface NoteSigner {
  /** Key name. */
  readonly name: string;
  /** Key ID, eight lowercase hexadecimal digits. */
  readonly keyId: string;
  /** The bytes that follow the key ID in the signature line. */
  sign(text: string): Uint8Array;
}

/** What came of opening a note. */
export type OpenedNote =
  | {
    readonly kind: "verified";
    /** The text, signed by at least one known key. */
    readonly text: string;
    /** The verified signatures, one for each known key that signed, in the note's order. */
    readonly verified: readonly NoteSignature[];
  }
  | { readonly kind: "unverified" }
  | {
    readonly kind: "invalid-signature";
    readonly name: string;
    readonly keyId: string;
  };

// Everything below U+0020 but the newline.
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;
const SIGNATURE_LINE = /^— ([^ \n]+) ([A-Za-z0-9+/=]+)$/u;

/** Whether a text may be signed: it ends in a newline and holds no other control below U+0020. */
export function isNoteText(text: string): boolean {
  return text.endsWith("\n") && !CONTROL.test(text) && text.isWellFormed();
}

/**
 * Parses the frame of a note and every signature line.
 *
 * @throws {SyntaxError} If anything in it is malformed, also in lines of unknown keys.
 */
export function parseNote(note: Uint8Array): ParsedNote {
  if (note.length > MAX_NOTE_SIZE) {
    throw malformed(`it has over ${MAX_NOTE_SIZE} bytes`);
  }
  const whole = parseUtf8(note);
  if (CONTROL.test(whole)) throw malformed("it holds a control character");
  const split = whole.lastIndexOf("\n\n");
  if (split < 0) {
    throw malformed("there is no blank line before the signatures");
  }
  if (!whole.endsWith("\n")) throw malformed("the final newline is missing");
  const lines = whole.slice(split + 2, -1).split("\n");
  if (split + 2 >= whole.length) {
    throw malformed("there are no signature lines");
  }
  if (lines.length > MAX_SIGNATURES) {
    throw malformed(`it has over ${MAX_SIGNATURES} signatures`);
  }
  return {
    text: whole.slice(0, split + 1),
    signatures: lines.map(parseSignatureLine),
  };
}

/**
 * Parses one signature line, without its newline.
 *
 * @throws {SyntaxError} If it is malformed.
 */
export function parseSignatureLine(line: string): NoteSignature {
  const match = SIGNATURE_LINE.exec(line);
  if (!match || !isKeyName(match[1]!)) {
    throw malformed(
      `a signature line must be "— name base64": received "${excerpt(line)}"`,
    );
  }
  const bytes = parseBase64(match[2]!);
  if (bytes.length < 5) {
    throw malformed("a signature is shorter than its key ID");
  }
  return {
    name: match[1]!,
    keyId: encodeHex(bytes.subarray(0, 4)),
    signature: bytes.subarray(4),
  };
}

/** The line of a signature, with its newline. */
export function formatSignatureLine(
  { name, keyId, signature }: NoteSignature,
): string {
  return `— ${name} ${encodeBase64(concat(parseHex(keyId), signature))}\n`;
}

/**
 * Opens a note with the keys that are known.
 *
 * @throws {SyntaxError} If the note is malformed.
 * @throws {TypeError} If two verifiers share name and key ID: which key is meant
 *   would be ambiguous.
 */
export function openNote(
  note: Uint8Array,
  verifiers: readonly NoteVerifier[],
): OpenedNote {
  const known = new Map<string, NoteVerifier>();
  for (const verifier of verifiers) {
    const identity = `${verifier.name}+${verifier.keyId}`;
    if (known.has(identity)) {
      throw new TypeError(
        `Cannot open note: two known keys are both ${identity}`,
      );
    }
    known.set(identity, verifier);
  }
  const { text, signatures } = parseNote(note);
  const verified = new Map<string, NoteSignature>();
  for (const line of signatures) {
    const identity = `${line.name}+${line.keyId}`;
    const verifier = known.get(identity);
    if (!verifier) continue;
    // A line that is merely repeated costs nothing; another by the same key must verify too.
    const before = verified.get(identity);
    if (before && equalBytes(before.signature, line.signature)) continue;
    if (!verifier.verify(text, line.signature)) {
      return { kind: "invalid-signature", name: line.name, keyId: line.keyId };
    }
    if (!before) verified.set(identity, line);
  }
  if (verified.size === 0) return { kind: "unverified" };
  return { kind: "verified", text, verified: [...verified.values()] };
}

/**
 * Signs a text with each signer, in order.
 *
 * @param text Ends in a newline, holds no other control characters.
 * @returns The whole note.
 * @throws {SyntaxError} If the text cannot be the text of a note.
 */
export function signNote(
  text: string,
  signers: readonly NoteSigner[],
): Uint8Array<ArrayBuffer> {
  if (!isNoteText(text)) {
    throw new SyntaxError(
      "Cannot sign note: the text must end in a newline and hold no control characters",
    );
  }
  const lines = signers.map((signer) =>
    formatSignatureLine({
      name: signer.name,
      keyId: signer.keyId,
      signature: signer.sign(text),
    })
  );
  return utf8(`${text}\n${lines.join("")}`);
}

/** Checks type 0x01 signatures: Ed25519 over the text. */
export function ed25519Verifier(
  { name, keyId, publicKey }: VerifierKey,
  ed25519: Ed25519 = pureEd25519,
): NoteVerifier {
  const verify = (text: string, signature: Uint8Array) =>
    ed25519.verify(signature, utf8(text), publicKey);
  return { name, keyId, verify };
}

/** Makes type 0x01 signatures. */
export function ed25519Signer(
  { name, keyId, seed }: SignerKey,
  ed25519: Ed25519 = pureEd25519,
): NoteSigner {
  return { name, keyId, sign: (text) => ed25519.sign(utf8(text), seed) };
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse note: ${why}`);
}
