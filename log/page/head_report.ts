/**
 * The head of the log as this browser can vouch for it: the checkpoint's signature,
 * its witnesses under the policy, its history since the last visit, its age. Each is
 * a check of its own with its own answer; the head is as good as the worst of them.
 *
 * What is remembered moves only when nothing is wrong.
 *
 * @module
 */

import {
  checkConsistency,
  type Checkpoint,
  checkPolicy,
  type Cosigned,
  encodeHex,
  equalBytes,
  LogReader,
  parseCheckpoint,
  parseNote,
  type Policy,
} from "@indelible/core";
import { formatAge, formatCount, formatMoment, listNames } from "./format.ts";
import type { LogClient } from "./log_client.ts";
import { type Trust } from "./trust.ts";
import {
  unverifiable,
  type Verdict,
  type VerdictKind,
  verdictOf,
  verified,
  worst,
  wrong,
} from "./verdict.ts";

/** One thing that was checked. */
export interface Check {
  /** What, in a word or two. */
  readonly title: string;
  /** What came of it. */
  readonly verdict: Verdict;
}

/** A head whose signature holds. */
export interface SignedHead {
  /** The signed checkpoint, verbatim. */
  readonly note: Uint8Array;
  /** What it says. */
  readonly checkpoint: Checkpoint;
  /** Every witness of the policy that cosigned it. */
  readonly cosigned: readonly Cosigned[];
  /** Reads the tree under it. */
  readonly reader: LogReader;
}

/** The head and all that was checked. */
export interface HeadReport {
  /** The worst of the checks. */
  readonly kind: VerdictKind;
  /** The checks, in order. */
  readonly checks: readonly Check[];
  /** The head; `null` when the log's own signature does not hold. */
  readonly head: SignedHead | null;
  /** The policy it was judged under. */
  readonly policy: Policy;
}

/** Cosignatures older than this no longer tell whether the head is the newest. */
const STALE_AFTER_SECONDS = 24 * 60 * 60;

/** What judging a checkpoint needs. */
export interface Judging {
  /** Whom to trust, and what is remembered. */
  readonly trust: Trust;
  /** Serves the tree. */
  readonly client: LogClient;
  /** Now, in POSIX seconds. */
  readonly now: number;
  /** The report before, under the same policy: what it says of the very same note still holds. */
  readonly previous: HeadReport | null;
}

/** Judges a signed checkpoint that the log shows. */
export async function judgeHead(note: Uint8Array, judging: Judging): Promise<HeadReport> {
  const { trust, client, now, previous } = judging;
  if (previous?.head && equalBytes(previous.head.note, note)) return withAge(previous, now);
  const { policy } = trust;
  const checks: Check[] = [];
  const report = (head: SignedHead | null): HeadReport => {
    return { kind: worst(checks.map(({ verdict }) => verdict.kind)), checks, head, policy };
  };
  const signed = openSigned(policy, note);
  checks.push({ title: "Log’s signature", verdict: signed.signature });
  if (!signed.opened) return report(null);
  const { checkpoint, cosigned } = signed.opened;
  const reader = new LogReader(checkpoint, client.resource);
  const head = { note, checkpoint, cosigned, reader };
  checks.push({ title: "Witnesses", verdict: judgeWitnesses(policy, note, cosigned) });
  checks.push({ title: "History", verdict: await judgeHistory(head, trust.lastNote) });
  return withAge(report(head), now);
}

/** Judges the age anew: it is the one answer that time alone changes. */
function withAge(report: HeadReport, now: number): HeadReport {
  const { head, policy } = report;
  const checks = report.checks.filter(({ title }) => title !== "Age");
  if (head && head.cosigned.length > 0) {
    checks.push({ title: "Age", verdict: judgeAge(head.cosigned, now) });
  }
  return { kind: worst(checks.map(({ verdict }) => verdict.kind)), checks, head, policy };
}

function openSigned(policy: Policy, note: Uint8Array) {
  try {
    // Without the quorum: a signature that fails is wrong, a witness that is missing is not.
    const verdict = checkPolicy({ ...policy, quorum: null }, note);
    if (verdict.kind === "refused") {
      return { signature: wrong(`${sentence(verdict.why)} ${expectedKeys(policy)}`), opened: null };
    }
    const { name, keyId } = verdict.log.key;
    return {
      signature: verified(`Signed by ${name} with the key ${keyId} that this browser trusts.`),
      opened: verdict,
    };
  } catch (error) {
    return { signature: verdictOf(error), opened: null };
  }
}

function expectedKeys({ logs }: Policy): string {
  const keys = logs.map(({ key }) => `${key.name} with the key ${key.keyId}`);
  return `This browser trusts ${listNames(keys)}.`;
}

function judgeWitnesses(
  policy: Policy,
  note: Uint8Array,
  cosigned: readonly Cosigned[],
): Verdict {
  if (policy.quorum === null) {
    return unverifiable(
      "This log has no witnesses. Nobody vouches that it shows everyone the same history.",
    );
  }
  const names = cosigned.map(({ witness }) => witness.key.name);
  const verdict = checkPolicy(policy, note);
  if (verdict.kind === "accepted") {
    return verified(
      `${listNames(names)} cosigned it: enough for the policy that this browser trusts.`,
    );
  }
  return unverifiable(
    `The policy asks for more witnesses than cosigned it: ${listNames(names) || "none did"}.`,
  );
}

async function judgeHistory(head: SignedHead, lastNote: Uint8Array | null): Promise<Verdict> {
  const { checkpoint, reader } = head;
  if (lastNote === null) {
    return verified("This browser’s first visit: it remembers this head from now on.");
  }
  const last = parseCheckpoint(parseNote(lastNote).text);
  const [before, now] = [formatCount(last.size), formatCount(checkpoint.size)];
  if (checkpoint.size < last.size) {
    return wrong(
      `The log went back: it shows ${now} entries now, and this browser has seen a signed head ` +
        `of ${before}. A log may only grow.`,
    );
  }
  if (checkpoint.size === last.size) {
    return equalBytes(checkpoint.root, last.root)
      ? verified("It is the head that this browser saw last.")
      : wrong(
        `The log shows two histories: this browser has seen another signed root hash for the ` +
          `same ${now} entries, ${encodeHex(last.root).slice(0, 16)}…`,
      );
  }
  if (last.size === 0n) return verified("This browser saw it when it was empty.");
  try {
    const proof = await reader.proveConsistency(last.size);
    return checkConsistency(last.size, checkpoint.size, last.root, checkpoint.root, proof)
      ? verified(`Proven to contain, unchanged, the ${before} entries that this browser saw last.`)
      : wrong(
        `The log shows two histories: the ${before} entries that this browser has seen ` +
          `are not the first of the ${now} that it shows now.`,
      );
  } catch (error) {
    return verdictOf(error);
  }
}

function judgeAge(cosigned: readonly Cosigned[], now: number): Verdict {
  const newest = Math.max(...cosigned.map(({ time }) => Number(time)));
  const age = now - newest;
  if (age < -300) {
    return unverifiable(
      `A witness cosigned it ${formatAge(-age)} in the future: its clock or this one is wrong.`,
    );
  }
  const why = `A witness last cosigned it at ${formatMoment(newest)}.`;
  return age <= STALE_AFTER_SECONDS ? verified(why) : unverifiable(
    `${why} Either nothing was logged since, or newer entries are being kept from you.`,
  );
}

function sentence(why: string): string {
  return `${why[0]!.toUpperCase()}${why.slice(1)}.`;
}
