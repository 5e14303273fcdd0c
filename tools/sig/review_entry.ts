/**
 * Reviews as a log has them: an entry with the event `review` about the file, the
 * attestation's digest, and the key that is said to have made it. Not what it says: that
 * is in the repositories, and the digest pins it.
 *
 * ```text
 * artifact-transparency/v2
 * ecosystem pypi
 * event review
 * file pkgname-1.2.3-py3-none-any.whl
 * sha256 5141b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be92
 * publisher openpgp DFDD705124843F878C6183EBD8C1B99DB32780D9
 * attestation sha256:06c67b5b65e8a1b0a0a3b38c5e4cb3f9f7a3a5a5e0c0f0a8a1f5f0d9c1a7b3e2
 * ```
 *
 * A log takes reviews only of what it has. What nobody logged as a package's file, a
 * folder for instance, is logged under its identity, in an ecosystem of its own.
 *
 * Pure.
 *
 * @module
 */

import { ARTIFACT_V2, encodeHex, type Entry, type Hash, parseHex } from "@indelible/core";
import { type Attestation, attestationDigest, reviewOf } from "./attestation.ts";

/** What a log has under a digest: the file that reviews of it are about. */
export type Subject = Pick<Entry, "ecosystem" | "file" | "digest">;

/** A review that a log has. */
export interface LoggedReview {
  /** Its leaf index. */
  readonly index: bigint;
  /** The attestation's digest, `sha256:<hex>`. */
  readonly attestation: string;
  /** Full fingerprint of the key that is said to have made it; `null` if none is named. */
  readonly reviewer: string | null;
}

/** The ecosystem of what is no package's file. */
const SIGNET = "signet";
/** Who names reviewers: their key does. */
const ISSUER = "openpgp";

const ID = /^sha256(?:-folder)?:([0-9a-f]{64})$/;
const FINGERPRINT = /^[0-9A-F]{40}$/;

/** The digest in an identity; `null` if no log can have it. */
export function digestOf(id: string): Hash | null {
  const hex = ID.exec(id)?.[1];
  return hex === undefined ? null : parseHex(hex);
}

/** What to log where no log has it as a file: the identity is the name. */
export function ownSubject(id: string): Subject {
  return { ecosystem: SIGNET, file: id, digest: requireDigest(id) };
}

/** Whether entries about a file are about an identity. */
export function isAbout(id: string, { ecosystem, file, digest }: Subject): boolean {
  const wanted = digestOf(id);
  if (!wanted || encodeHex(wanted) !== encodeHex(digest)) return false;
  // The digest of a folder is one of names and bytes; no package's file has it.
  return ecosystem === SIGNET ? file === id : id.startsWith("sha256:");
}

/** The entry of an attestation. */
export function reviewEntry(attestation: Attestation, subject: Subject): Entry {
  return {
    format: ARTIFACT_V2,
    ecosystem: subject.ecosystem,
    event: "review",
    file: subject.file,
    digest: requireDigest(reviewOf(attestation).id),
    publisher: { issuer: ISSUER, subject: attestation.key },
    attestation: attestationDigest(attestation),
  };
}

/** The review that an entry is; `null` if it is none. */
export function reviewIn(index: bigint, entry: Entry): LoggedReview | null {
  const { event, attestation, publisher } = entry;
  if (event !== "review" || attestation === undefined) return null;
  const isKey = publisher?.issuer === ISSUER && FINGERPRINT.test(publisher.subject);
  return { index, attestation, reviewer: isKey ? publisher.subject : null };
}

function requireDigest(id: string): Hash {
  const digest = digestOf(id);
  if (digest) return digest;
  throw new Error(`Cannot log a review of "${id}": no log can have what has no SHA-256`);
}
