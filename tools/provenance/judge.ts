/**
 * What a policy makes of a file's provenance. Pure. That provenance is there, or
 * even verifies, is worth nothing by itself: it must be by one whom the policy
 * names.
 *
 * @module
 */

import type { Publisher } from "@indelible/core";
import { type Claims, describeSigner, type PredicateKind } from "./claims.ts";
import type { Rule } from "./policy.ts";
import type { Signer } from "./publisher.ts";

/** Provenance as it was found. */
export type Found =
  | { readonly kind: "none" }
  | {
    readonly kind: "unavailable";
    /** What happened. */
    readonly why: string;
  }
  | {
    readonly kind: "checked";
    /** What is proven. */
    readonly claims: readonly Claims[];
    /** Why other attestations do not verify. */
    readonly failures: readonly string[];
  };

/** Why a file's provenance is not enough. */
export type ProvenanceReason =
  | "publisher-not-allowed"
  | "builder-not-trusted"
  | "provenance-missing"
  | "provenance-not-verified"
  | "provenance-unavailable";

/** What becomes of the file. */
export type ProvenanceVerdict =
  | {
    readonly kind: "pass";
    /** What is proven, in sentences. */
    readonly proven: readonly string[];
  }
  | {
    readonly kind: "refuse";
    /** Why. */
    readonly reason: ProvenanceReason;
    /** The same with names. */
    readonly detail: string;
  };

/**
 * Judges a file.
 *
 * @param rule What the policy says of its project.
 * @param found Its provenance; `none` when nothing is required.
 * @param logged The publisher that the log's entry names, if it names one.
 */
export function judgeProvenance(
  rule: Rule,
  found: Found,
  logged: Publisher | null,
): ProvenanceVerdict {
  const { publishers, builders, required } = rule;
  const proven: string[] = [];
  if (logged && publishers.length > 0) {
    const publisher = publishers.find((one) => one.isLogged(logged));
    if (!publisher) {
      const detail = `the log names the publisher ${logged.subject}, by ${logged.issuer}`;
      return refuse("publisher-not-allowed", `${detail}; ${allowed(publishers)}`);
    }
    proven.push(`the log names an allowed publisher (${publisher.text})`);
  }
  for (const kind of ["publish", "build"] as const) {
    if (!required.has(kind)) continue;
    const verdict = judgeKind(kind, kind === "publish" ? publishers : builders, found);
    if (verdict.kind === "refuse") return verdict;
    proven.push(...verdict.proven);
  }
  return { kind: "pass", proven };
}

function judgeKind(
  kind: PredicateKind,
  signers: readonly Signer[],
  found: Found,
): ProvenanceVerdict {
  const word = `${kind} provenance`;
  if (found.kind === "none") {
    return refuse(
      "provenance-missing",
      `the registry lists no provenance, and ${word} is required`,
    );
  }
  if (found.kind === "unavailable") return refuse("provenance-unavailable", found.why);
  const claims = found.claims.filter((claim) => claim.kind === kind);
  if (claims.length === 0) {
    return found.failures.length > 0
      ? refuse("provenance-not-verified", found.failures.join("; "))
      : refuse("provenance-missing", `its provenance has no ${word}, which is required`);
  }
  for (const claim of claims) {
    if (signers.some((signer) => signer.mismatch(claim) === null)) {
      return {
        kind: "pass",
        proven: [`${word} by ${describeSigner(claim)}, signed ${claim.signed}`],
      };
    }
  }
  const reason = kind === "publish" ? "publisher-not-allowed" : "builder-not-trusted";
  const misses = signers.map((signer) => signer.mismatch(claims[0]!)!);
  return refuse(reason, `${[...new Set(misses)].join("; ")}; ${allowed(signers)}`);
}

function allowed(signers: readonly Signer[]): string {
  return `allowed: ${signers.map(({ text }) => text).join(", or ")}`;
}

function refuse(reason: ProvenanceReason, detail: string): ProvenanceVerdict {
  return { kind: "refuse", reason, detail };
}
