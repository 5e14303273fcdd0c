/**
 * What `--log` demands of statements: each that counts as a yes must be an entry of the
 * log, and of a key whose yes counts the log must have no review that we were not shown.
 * So nobody can show us a yes and others a no without the log telling. Pure.
 *
 * @module
 */

import { attestationDigest } from "./attestation.ts";
import type { Statement } from "./judge.ts";
import type { LoggedAbout } from "./log_reviews.ts";
import type { LoggedReview } from "./review_entry.ts";

/** Statements held against a log. */
export interface Demanded {
  /** The statements, each with whether the log has it. */
  readonly statements: readonly Statement[];
  /** Reviews that the log has and we do not. */
  readonly unseen: readonly LoggedReview[];
  /** Full fingerprints of the keys that they name. */
  readonly withheld: ReadonlySet<string>;
}

/** Holds statements about one identity against what a log has about it. */
export function demandLogged(
  statements: readonly Statement[],
  { reviews }: LoggedAbout,
): Demanded {
  const shown = new Set(statements.map(({ attestation }) => attestationDigest(attestation)));
  const unseen = reviews.filter(({ attestation }) => !shown.has(attestation));
  return {
    statements: statements.map((statement) => {
      const { attestation } = statement;
      const digest = attestationDigest(attestation);
      // Under its own key: else that key could have others that we do not look for.
      const isLogged = reviews.some((one) =>
        one.attestation === digest && one.reviewer === attestation.key
      );
      return { ...statement, isLogged };
    }),
    unseen,
    withheld: new Set(unseen.flatMap(({ reviewer }) => reviewer ?? [])),
  };
}
