/**
 * Makes the sidecar of a lock file: asks the log for every file that the lock
 * file could install, and checks what comes of it in the way that `--check` will.
 *
 * @module
 */

import { combineProofs, type FetchResource, type TlogProofs } from "@indelible/core";
import type { PackageIndex } from "../package_index.ts";
import type { TrustedHead } from "../trusted_head.ts";
import { auditLockFile } from "./audit.ts";
import { candidateNames } from "./candidates.ts";
import { checkLockFile, type CheckOptions } from "./check.ts";
import type { LockFile } from "./lock_file.ts";
import { ProvenEntries } from "./match.ts";
import { proveFiles } from "./prove.ts";
import { isProven, type LockReport } from "./report.ts";

/** What making a sidecar takes. */
export interface MakeOptions extends CheckOptions {
  /** The log. */
  readonly log: URL;
  /** Judges its checkpoints. */
  readonly trusted: TrustedHead;
  /** Reads its tiles. */
  readonly fetch: FetchResource;
  /** The package index, for lock files without file names. */
  readonly index: () => PackageIndex;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/** What came of it. */
export interface Made {
  /** What to tell. */
  readonly report: Omit<LockReport, "file" | "written">;
  /** The proofs; `null` if something is not proven. */
  readonly proofs: TlogProofs | null;
}

/**
 * Makes the sidecar of a lock file.
 *
 * @param lock The lock file.
 * @param options What it takes.
 */
export async function makeSidecar(lock: LockFile, options: MakeOptions): Promise<Made> {
  const { log, trusted, fetch, index, isExempt, policy, signal } = options;
  const asked = lock.files.filter(({ project }) => !isExempt(project));
  const named = asked.map(({ filename }) => filename).filter((name) => name !== null);
  const nameless = asked.filter(({ filename }) => filename === null);
  const candidates = nameless.length > 0 ? await candidateNames(index(), nameless, signal) : [];
  const names = [...named, ...candidates];
  const { head, proven } = await proveFiles(log, names, trusted, fetch, signal);
  const entries = [...proven.values()].map(({ parsed }) => parsed);
  const audit = auditLockFile(lock, new ProvenEntries(entries), { source: "the log", isExempt });
  if (audit.refused.length > 0) {
    return { report: { audit, verdict: head.verdict, why: null, policy }, proofs: null };
  }
  const proofs = combineProofs(head.note, audit.entries.map(({ file }) => proven.get(file)!));
  const report = checkLockFile(lock, proofs, options);
  return { report, proofs: isProven(report) ? proofs : null };
}
