/**
 * The sidecar of a lock file: everything that proves it, in one tlog-proofs file
 * beside it. Its checkpoint is also what the next one must extend.
 *
 * @module
 */

import {
  checkPolicy,
  type Entry,
  type FetchResource,
  parseEntry,
  parseTlogProofs,
  type Policy,
  type TlogProofs,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { readSmallFile } from "../files.ts";
import { type Head, HeadMemory, type HeadStore, SplitView, TrustedHead } from "../trusted_head.ts";

/** The most bytes that a lock file or its sidecar may have. */
export const MAX_LOCK_FILE = 64 << 20;
/** The extension of sidecars. */
export const SIDECAR_EXTENSION = ".tlog-proofs";

/**
 * Reads a sidecar; nothing of it is verified.
 *
 * @param path The file.
 * @throws {Error} If it cannot be read or is none.
 */
export async function readSidecar(path: string): Promise<TlogProofs> {
  const bytes = await readSmallFile(path, "--proofs", MAX_LOCK_FILE);
  try {
    return parseTlogProofs(bytes);
  } catch (error) {
    throw new Error(`Cannot use --proofs ${path}: ${(error as Error).message}`);
  }
}

/** The entries of a sidecar that can be read; others vouch for nothing here. */
export function readableEntries({ entries }: TlogProofs): Entry[] {
  return entries.flatMap(({ entry }) => {
    try {
      return [parseEntry(entry)];
    } catch (error) {
      if (error instanceof SyntaxError) return [];
      throw error;
    }
  });
}

/**
 * Checks that a log has only grown since the sidecar that is there: it may come
 * from somebody to whom the log has shown more than to this user.
 *
 * @param path The sidecar.
 * @param checkpoint The log's checkpoint now.
 * @param policy Whom the user trusts.
 * @param evidence Keeps the evidence against a log that shows two histories.
 * @param fetch Reads the log's tiles.
 * @throws {SplitView} If it shows another history now.
 * @throws {NotAccepted} If it is smaller now.
 */
export async function requireExtends(
  path: string,
  checkpoint: Uint8Array,
  policy: Policy,
  evidence: HeadStore,
  fetch: FetchResource,
): Promise<void> {
  const before = await checkpointOf(path, policy);
  if (!before) return;
  const heads = new HeadMemory();
  const { origin } = before.verdict.checkpoint;
  await heads.swap(origin, null, before.note);
  try {
    await new TrustedHead(policy, heads, fetch).accept(checkpoint);
  } catch (error) {
    if (error instanceof SplitView) await evidence.keepEvidence(error);
    throw error;
  }
}

/** The checkpoint of a sidecar; `null` without one that the policy accepts. */
async function checkpointOf(path: string, policy: Policy): Promise<Head | null> {
  try {
    const { checkpoint: note } = await readSidecar(path);
    const verdict = checkPolicy(policy, note, nativeEd25519);
    return verdict.kind === "accepted" ? { note, verdict } : null;
  } catch {
    // None is there, or it is spoilt: whoever could spoil it could remove it.
    return null;
  }
}
