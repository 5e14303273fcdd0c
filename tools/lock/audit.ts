/**
 * The verdict on a lock file: each digest proven or refused, and what else it
 * installs. Pure.
 *
 * @module
 */

import type { Entry } from "@indelible/core";
import { describeRelease, type LockedFile, type LockFile } from "./lock_file.ts";
import { matchFile, type ProvenEntries } from "./match.ts";

/** Something that may not be installed, and why. */
export interface Refusal {
  /** The release, or the line of the lock file: `idna 3.10`. */
  readonly what: string;
  /** The file, where the lock file names one. */
  readonly filename: string | null;
  /** Why, as the rest of a sentence about it. */
  readonly why: string;
}

/** What came of a lock file. */
export interface Audit {
  /** How many digests it allows, exempt ones not counted. */
  readonly digests: number;
  /** How many releases they are of. */
  readonly packages: number;
  /** The entries that vouch for them, each once. */
  readonly entries: readonly Entry[];
  /** What nobody vouches for. */
  readonly refused: readonly Refusal[];
  /** Projects that were exempt. */
  readonly exempt: readonly string[];
  /** Folders of this machine. */
  readonly local: readonly string[];
}

/**
 * Judges a lock file by what is proven.
 *
 * @param lock The lock file.
 * @param proven What is proven.
 * @param options `source`: who should have had it, for messages; `isExempt`: which projects no log need vouch for.
 */
export function auditLockFile(
  lock: LockFile,
  proven: ProvenEntries,
  { source, isExempt }: {
    readonly source: string;
    readonly isExempt: (project: string | null) => boolean;
  },
): Audit {
  const exempt = new Set<string>();
  const entries = new Set<Entry>();
  const refused: Refusal[] = [];
  const checked: LockedFile[] = [];
  for (const { project, what, why } of lock.unprovable) {
    if (project !== null && isExempt(project)) exempt.add(project);
    else refused.push({ what, filename: null, why });
  }
  for (const locked of lock.files) {
    const { project, version, filename } = locked;
    if (isExempt(project)) {
      exempt.add(project);
      continue;
    }
    checked.push(locked);
    const match = matchFile(locked, proven, source);
    if (match.kind === "proven") entries.add(match.entry);
    else refused.push({ what: describeRelease(project, version), filename, why: match.why });
  }
  return {
    digests: checked.length,
    packages: new Set(checked.map(({ project, version }) => describeRelease(project, version)))
      .size,
    entries: [...entries],
    refused,
    exempt: [...exempt],
    local: lock.local,
  };
}
