/**
 * Whether entries that are proven vouch for what a lock file allows. Pure, and
 * the same for the log's answers and for a sidecar.
 *
 * @module
 */

import { encodeHex, type Entry, equalBytes, formatChecksum } from "@indelible/core";
import { describeRelease, type LockedFile } from "./lock_file.ts";
import { isOfRelease } from "./release.ts";

/** Proven publications, by name and by digest. */
export class ProvenEntries {
  readonly #byFile = new Map<string, Entry>();
  readonly #byDigest = new Map<string, Entry[]>();

  /** @param entries Entries whose inclusion is proven; only publications to PyPI count. */
  constructor(entries: Iterable<Entry>) {
    for (const entry of entries) {
      if (entry.ecosystem !== "pypi" || entry.event !== "publish") continue;
      this.#byFile.set(entry.file, entry);
      const digest = encodeHex(entry.digest);
      this.#byDigest.set(digest, [...this.#byDigest.get(digest) ?? [], entry]);
    }
  }

  /** The entry of a file. */
  ofFile(filename: string): Entry | null {
    return this.#byFile.get(filename) ?? null;
  }

  /** The entries with a digest. */
  withDigest(digest: Uint8Array): readonly Entry[] {
    return this.#byDigest.get(encodeHex(digest)) ?? [];
  }
}

/** What became of one digest of a lock file. */
export type Match =
  | {
    readonly kind: "proven";
    /** The entry that vouches for it. */
    readonly entry: Entry;
  }
  | {
    readonly kind: "refused";
    /** Why, as the rest of a sentence about the file. */
    readonly why: string;
  };

/**
 * Finds the entry that vouches for a locked digest.
 *
 * @param locked What the lock file allows.
 * @param proven What is proven.
 * @param source Who should have had it: "the log", "the sidecar".
 */
export function matchFile(locked: LockedFile, proven: ProvenEntries, source: string): Match {
  const { project, version, filename, digest } = locked;
  const release = describeRelease(project, version);
  if (filename === null) {
    const entry = proven.withDigest(digest).find(({ file }) => isOfRelease(file, project, version));
    if (entry) return { kind: "proven", entry };
    const [other] = proven.withDigest(digest);
    return refused(
      other
        ? `is allowed ${formatChecksum(digest)}, which is ${other.file} in ${source}`
        : `is allowed ${formatChecksum(digest)}, which no file of ${release} in ${source} has`,
    );
  }
  // An installer takes the bytes, whatever release their name is of.
  if (!isOfRelease(filename, project, version)) return refused(`is no file of ${release}`);
  const entry = proven.ofFile(filename);
  if (!entry) return refused(`is not in ${source}`);
  if (equalBytes(entry.digest, digest)) return { kind: "proven", entry };
  return refused(
    `is locked as ${formatChecksum(digest)}, but ${source} has ${formatChecksum(entry.digest)}`,
  );
}

function refused(why: string): Match {
  return { kind: "refused", why };
}
