/**
 * Whether a file is ok, decided from what has been said about it. Pure: the caller
 * gathers attestations from as many sources as it likes, verifies each, and says whom
 * to trust and how many of them it takes.
 *
 * Each key has one standing: what it said last. One trusted key that says no outweighs
 * any number that say yes.
 *
 * @module
 */

import { type Attestation, type Review, reviewOf } from "./attestation.ts";
import type { Verdict } from "./openpgp_verify.ts";

/** An attestation about the file, and what was found about its signature. */
export interface Statement {
  /** What was said. */
  readonly attestation: Attestation;
  /** Whether its key said so. */
  readonly verdict: Verdict;
  /** Whether a log has it; absent where none is demanded. */
  readonly isLogged?: boolean;
}

/** How a key stands to the file. */
export type StandingKind =
  | "ok"
  | "not-ok"
  | "untrusted"
  | "unlogged"
  | "withheld"
  | "expired"
  | "revoked"
  | "unknown"
  | "invalid";

/** A key, and what its last word is worth. */
export interface Standing {
  /** What it counts for; only `ok` and `not-ok` count. */
  readonly kind: StandingKind;
  /** Full fingerprint; of whoever is claimed to have signed, if `unknown` or `invalid`. */
  readonly key: string;
  /** What it said. */
  readonly review: Review;
  /** When, if its signature is right. */
  readonly created: Date | null;
  /** Why it does not count, if that is not for want of trust. */
  readonly why: string | null;
  /** The attestation itself. */
  readonly attestation: Attestation;
}

/** Whom to believe. */
export interface Policy {
  /** Full fingerprints of trusted keys. */
  readonly trusted: ReadonlySet<string>;
  /** How many of them must say that it is ok. */
  readonly threshold: number;
  /** Full fingerprints of keys of which a log has reviews that nobody has shown us. */
  readonly withheld?: ReadonlySet<string>;
}

/** The decision. */
export interface Judgement {
  /** `unknown`: nobody said anything. `bad`: a trusted key said no. */
  readonly kind: "ok" | "bad" | "not-verified" | "unknown";
  /** How each key stands, in the order of {@linkcode StandingKind}. */
  readonly standings: readonly Standing[];
}

const ORDER: readonly StandingKind[] = [
  "ok",
  "not-ok",
  "untrusted",
  "unlogged",
  "withheld",
  "expired",
  "revoked",
  "unknown",
  "invalid",
];

/** Decides whether a file is ok. */
export function judge(statements: readonly Statement[], policy: Policy): Judgement {
  const last = new Map<string, Standing>();
  for (const statement of statements) {
    const standing = standingOf(statement, policy);
    // A human has not looked at it: that says nothing.
    if (!standing.review.reviewed) continue;
    const known = last.get(standing.key);
    if (!known || supersedes(standing, known)) last.set(standing.key, standing);
  }
  const standings = [...last.values()].sort((a, b) =>
    ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || (a.key < b.key ? -1 : 1)
  );
  return { kind: decide(standings, policy), standings };
}

function decide(standings: readonly Standing[], { threshold }: Policy): Judgement["kind"] {
  const count = (kind: StandingKind) =>
    standings.filter((standing) => standing.kind === kind).length;
  if (count("not-ok") > 0) return "bad";
  if (count("ok") >= threshold) return "ok";
  return standings.length === 0 ? "unknown" : "not-verified";
}

function standingOf(statement: Statement, policy: Policy): Standing {
  const { attestation, verdict } = statement;
  const { trusted } = policy;
  const review = reviewOf(attestation);
  if (verdict.kind === "unknown-key" || verdict.kind === "bad") {
    const kind = verdict.kind === "bad" ? "invalid" : "unknown";
    const { key } = attestation;
    return { kind, key, review, created: null, why: verdict.why, attestation };
  }
  const { signer: key, created } = verdict;
  // With a GnuPG of today the original trusts, and names, the subkey that signs.
  const isTrusted = trusted.has(key) || trusted.has(attestation.key);
  const kind = worth(verdict.kind, isTrusted, review);
  const why = verdict.kind === "good" ? null : verdict.why;
  const demanded = kind === "ok" ? demand(statement, key, policy) : null;
  return { kind, key, review, created, why, attestation, ...demanded };
}

/** What a demanded log has against a yes. A no needs no proof: it blocks in any case. */
function demand(
  { attestation, isLogged }: Statement,
  key: string,
  { withheld }: Policy,
): Pick<Standing, "kind" | "why"> | null {
  if (isLogged === false) return { kind: "unlogged", why: "the log has no entry of this review" };
  if (!withheld?.has(key) && !withheld?.has(attestation.key)) return null;
  return {
    kind: "withheld",
    why: "the log has another review by this key, which no repository here has; try `sig fetch`",
  };
}

function worth(
  kind: "good" | "expired-signature" | "expired-key" | "revoked-key",
  isTrusted: boolean,
  { ok }: Review,
): StandingKind {
  if (!isTrusted) return "untrusted";
  switch (kind) {
    case "good":
      return ok ? "ok" : "not-ok";
    case "expired-signature":
      return "expired";
    case "expired-key":
      // A warning does not wear off because its author's key was let run out.
      return ok ? "expired" : "not-ok";
    case "revoked-key":
      return "revoked"; // Whoever stole it may say anything.
    default:
      return kind satisfies never;
  }
}

/**
 * The last word counts; of two in one second, the one that is not a yes. What should be in
 * the log and is not takes nobody's place.
 */
function supersedes(a: Standing, b: Standing): boolean {
  if ((a.kind === "unlogged") !== (b.kind === "unlogged")) return b.kind === "unlogged";
  const [x, y] = [a.created?.getTime() ?? 0, b.created?.getTime() ?? 0];
  return x === y ? b.kind === "ok" : x > y;
}
