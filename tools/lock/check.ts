/**
 * Checks a lock file against its sidecar, offline: the sidecar's entries are
 * under a checkpoint that the policy accepts, and they vouch for every digest
 * that the lock file allows. What else the sidecar has does no harm.
 *
 * @module
 */

import {
  type Policy,
  type PolicyVerdict,
  type TlogProofs,
  verifyTlogProofs,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { requireFresh } from "../freshness.ts";
import { auditLockFile } from "./audit.ts";
import type { LockFile } from "./lock_file.ts";
import { ProvenEntries } from "./match.ts";
import type { LockReport } from "./report.ts";
import { readableEntries } from "./sidecar.ts";

/** What a check goes by. */
export interface CheckOptions {
  /** Whom the user trusts. */
  readonly policy: Policy;
  /** Which projects no log need vouch for. */
  readonly isExempt: (project: string | null) => boolean;
  /** How old cosignatures may be, in milliseconds. */
  readonly maxAge: number | undefined;
  /** The time, in POSIX milliseconds. */
  readonly now: number;
}

/**
 * Checks a lock file.
 *
 * @param lock The lock file.
 * @param proofs Its sidecar.
 * @param options What the check goes by.
 */
export function checkLockFile(
  lock: LockFile,
  proofs: TlogProofs,
  options: CheckOptions,
): Omit<LockReport, "file" | "written"> {
  const { policy, isExempt } = options;
  const verdict = judge(proofs, options);
  // Entries that are not proven vouch for nothing.
  const entries = verdict.kind === "accepted" ? readableEntries(proofs) : [];
  const audit = auditLockFile(lock, new ProvenEntries(entries), {
    source: "the sidecar",
    isExempt,
  });
  return verdict.kind === "accepted"
    ? { audit, verdict, why: null, policy }
    : { audit: { ...audit, refused: [] }, verdict: null, why: verdict.why, policy };
}

function judge(proofs: TlogProofs, { policy, maxAge, now }: CheckOptions): PolicyVerdict {
  try {
    const verdict = verifyTlogProofs(proofs, policy, nativeEd25519);
    // Cosignatures have whole seconds.
    const seconds = maxAge === undefined ? undefined : Math.ceil(maxAge / 1000);
    return requireFresh(verdict, policy, Math.floor(now / 1000), seconds);
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: "refused", why: error.message };
    throw error;
  }
}
