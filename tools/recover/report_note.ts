/**
 * The signature of a drift report: a signed note (C2SP signed-note) beside it, so
 * that the report itself stays JSON Lines of any length.
 *
 * ```text
 * drift-report/v1
 * sha256:5141b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be92
 *
 * — registry.example/reports Uw2QOkn8…
 * ```
 *
 * No checkpoint reads like this, so a log's own key may sign it.
 *
 * @module
 */

import {
  ed25519Signer,
  ed25519Verifier,
  formatChecksum,
  type Hash,
  KeyType,
  openNote,
  parseSkey,
  parseUtf8,
  type SignerKey,
  signNote,
  type VerifierKey,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { readSmallFile } from "../files.ts";
import { REPORT_FORMAT } from "./report.ts";

/** Where the note of a report is. */
export function notePath(report: string): string {
  return `${report}.note`;
}

/** Signs the digest of a report. */
export function signReport(digest: Hash, key: SignerKey): Uint8Array<ArrayBuffer> {
  return signNote(textOf(digest), [ed25519Signer(key, nativeEd25519)]);
}

/**
 * Checks the signature of a report.
 *
 * @param digest The SHA-256 of the report as it is.
 * @param note Its note.
 * @param key Whose signature counts.
 * @returns Why it does not hold; `null` if it does.
 */
export function checkReport(
  digest: Hash,
  note: Uint8Array,
  key: VerifierKey,
): string | null {
  try {
    const opened = openNote(note, [ed25519Verifier(key, nativeEd25519)]);
    if (opened.kind === "unverified") return `its note carries no signature of ${key.name}`;
    if (opened.kind === "invalid-signature") return `the signature of ${key.name} does not verify`;
    return opened.text === textOf(digest) ? null : "what was signed is another report";
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
}

function textOf(digest: Hash): string {
  return `${REPORT_FORMAT}\n${formatChecksum(digest)}\n`;
}

/**
 * Reads the key that signs reports.
 *
 * @param path A file with one skey, as `keygen` writes it.
 */
export async function readReportKey(path: string): Promise<SignerKey> {
  const bytes = await readSmallFile(path, "--private-key");
  let key: SignerKey;
  try {
    key = parseSkey(parseUtf8(bytes).replace(/\r?\n$/, ""));
  } catch (error) {
    throw new Error(`Cannot use --private-key ${path}: ${(error as Error).message}`);
  }
  requireNoteKey(key, `--private-key ${path}`);
  return key;
}

/** Refuses keys that sign checkpoints only. */
export function requireNoteKey({ type }: VerifierKey, what: string): void {
  if (type === KeyType.ed25519) return;
  throw new Error(
    `Cannot use ${what}: reports are signed with an Ed25519 key that is no witness's`,
  );
}
