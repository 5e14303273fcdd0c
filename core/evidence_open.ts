/**
 * Opening what evidence holds: signed notes and tlog-proofs, under the keys of a
 * policy. Nothing here asks for a quorum: a log that signs two histories is caught by
 * its own signatures, whoever else signed. What the witnesses did is told.
 *
 * @module
 */

import { encodeHex, utf8 } from "./bytes.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { type Ed25519, pureEd25519 } from "./ed25519.ts";
import { type Entry, parseEntry } from "./entry.ts";
import { leafHash } from "./hash.ts";
import { formatVkey } from "./key.ts";
import { checkPolicy, type Cosigned, type Policy, type PolicyLog, quorumHolds } from "./policy.ts";
import { checkInclusion } from "./proof.ts";
import { parseTlogProof } from "./tlog_proof.ts";

/** The evidence does not show what it claims. */
export class EvidenceRefused extends Error {
  /** Tells it from other errors. */
  override readonly name = "EvidenceRefused";
}

/** Whom evidence is checked against. */
export interface EvidenceTrust {
  /** The log that it must be about. */
  readonly origin: string;
  /** Whose keys. */
  readonly policy: Policy;
  /** The implementation to verify with. */
  readonly ed25519?: Ed25519;
}

/** A checkpoint that the log signed. */
export interface SignedCheckpoint {
  /** What it says. */
  readonly checkpoint: Checkpoint;
  /** The key that signed it. */
  readonly log: PolicyLog;
  /** The policy's witnesses that cosigned it. */
  readonly cosigned: readonly Cosigned[];
  /** Whether they are enough for the policy. */
  readonly quorum: boolean;
}

/**
 * Opens a signed note that must be of the log.
 *
 * @param note Its text.
 * @param trust Whose.
 * @throws {EvidenceRefused} If the log did not sign it.
 * @throws {SyntaxError} If it is malformed.
 */
export function openSigned(
  note: string,
  { origin, policy, ed25519 = pureEd25519 }: EvidenceTrust,
): SignedCheckpoint {
  const verdict = checkPolicy({ ...policy, quorum: null }, utf8(note), ed25519);
  if (verdict.kind === "refused") throw new EvidenceRefused(verdict.why);
  const { checkpoint, log, cosigned } = verdict;
  if (checkpoint.origin !== origin) {
    throw new EvidenceRefused("a checkpoint in it is of another log than the evidence");
  }
  const names = new Set(cosigned.map(({ witness }) => witness.name));
  return { checkpoint, log, cosigned, quorum: quorumHolds(policy, names) };
}

/** An entry that is in the log. */
export interface SignedEntry extends SignedCheckpoint {
  /** What it says. */
  readonly entry: Entry;
  /** Its leaf index. */
  readonly index: bigint;
}

/**
 * Opens a tlog-proof with its entry as `extra`.
 *
 * @param text The tlog-proof.
 * @param trust Whose.
 * @throws {EvidenceRefused} If the log did not sign a tree with that entry.
 * @throws {SyntaxError} If it is malformed.
 */
export function openEntry(text: string, trust: EvidenceTrust): SignedEntry {
  const { extra, index, proof, checkpoint: note } = parseTlogProof(utf8(text));
  if (extra === null) throw new EvidenceRefused("a tlog-proof in it holds no entry");
  const signed = openSigned(new TextDecoder().decode(note), trust);
  const { size, root } = signed.checkpoint;
  if (!checkInclusion(index, size, leafHash(extra), proof, root)) {
    throw new EvidenceRefused(
      `an inclusion proof in it does not lead from its entry at index ${index} ` +
        `to the root hash of the checkpoint of size ${size}`,
    );
  }
  return { ...signed, entry: parseEntry(extra), index };
}

/** A log and its key, in words. */
export function describeLog({ key }: PolicyLog): string {
  return `the log ${key.name} (key ${formatVkey(key)})`;
}

/** A checkpoint, in words. */
export function describeCheckpoint({ size, root }: Checkpoint): string {
  return `size ${size} with the root hash ${encodeHex(root)}`;
}

/** An entry, in words. */
export function describeEntry({ entry, index }: SignedEntry): string {
  const { event, file, digest, publisher } = entry;
  const by = publisher ? `, published by ${publisher.subject} of ${publisher.issuer}` : "";
  const what = event === "publish" ? "" : ` (${event})`;
  return `${file}${what} with SHA-256 ${encodeHex(digest)} at leaf index ${index}${by}`;
}

/** Which witnesses cosigned a checkpoint and when, in words. */
export function describeCosigned({ cosigned, quorum }: SignedCheckpoint): string {
  const names = cosigned.map(({ witness, time }) => `${witness.name} (${describeTime(time)})`);
  const who = names.length === 0 ? "no witness of the policy" : names.join(", ");
  return `${who}${quorum ? "" : "; not enough for the policy's quorum"}`;
}

/** POSIX seconds as RFC 3339 in UTC, by the calendar that has no clock. */
export function describeTime(seconds: bigint): string {
  if (seconds >= 253_402_300_800n) return `${seconds} s after 1970`; // The year 10000.
  const days = Number(seconds / 86_400n);
  const rest = Number(seconds % 86_400n);
  // Years from March, so that the leap day comes last; 719,468 days from 0000-03-01 to 1970.
  const era = Math.floor((days + 719_468) / 146_097);
  const day = days + 719_468 - era * 146_097;
  const year = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365,
  );
  const ofYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const march = Math.floor((5 * ofYear + 2) / 153);
  const month = march < 10 ? march + 3 : march - 9;
  const two = (n: number) => String(n).padStart(2, "0");
  const date = [
    String(year + era * 400 + (month <= 2 ? 1 : 0)).padStart(4, "0"),
    two(month),
    two(ofYear - Math.floor((153 * march + 2) / 5) + 1),
  ].join("-");
  const time = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map(two).join(":");
  return `${date}T${time}Z`;
}
