/**
 * What the page says of anything that it shows: *verified*, *unverifiable* or
 * *wrong*, and why. Verified means checked in this browser; unverifiable means that
 * nothing contradicts it and nothing proves it; wrong means that it cannot be true.
 *
 * @module
 */

import { LogMismatch } from "@indelible/core";

/** The three answers, best first. */
export type VerdictKind = "verified" | "unverifiable" | "wrong";

/** One answer and its reason, a plain sentence. */
export interface Verdict {
  /** The answer. */
  readonly kind: VerdictKind;
  /** Why, for people. */
  readonly why: string;
}

/** Checked in this browser. */
export const verified = (why: string): Verdict => ({ kind: "verified", why });
/** Neither proven nor contradicted. */
export const unverifiable = (why: string): Verdict => ({ kind: "unverifiable", why });
/** It cannot be true. */
export const wrong = (why: string): Verdict => ({ kind: "wrong", why });

const RANK: Readonly<Record<VerdictKind, number>> = { verified: 0, unverifiable: 1, wrong: 2 };

/** The worst of some answers: one wrong part makes the whole wrong. */
export function worst(kinds: readonly VerdictKind[]): VerdictKind {
  return kinds.reduce((a, b) => RANK[a] >= RANK[b] ? a : b, "verified");
}

/** The log did not answer, or not in a way that says anything about its tree. */
export class Unavailable extends Error {
  /** Tells it from other errors. */
  override readonly name = "Unavailable";
}

/**
 * What a failed check says. Bytes that cannot be under the signed root, or that are
 * malformed, are wrong; an answer that did not come is not.
 */
export function verdictOf(error: unknown): Verdict {
  if (error instanceof LogMismatch || error instanceof SyntaxError) return wrong(error.message);
  return unverifiable(error instanceof Error ? error.message : String(error));
}

/** Caps what is said of a part by what is said of the head that it stands under. */
export function under(head: VerdictKind, verdict: Verdict): Verdict {
  if (worst([head, verdict.kind]) === verdict.kind) return verdict;
  const why = head === "wrong"
    ? "It is under the head that the log shows now, but that head is wrong."
    : "It is under the head that the log shows now, but that head cannot be verified.";
  return { kind: head, why };
}
