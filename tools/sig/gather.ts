/**
 * From sources to statements: everything that has been said about one thing, each
 * said once, with what was found about its signature. `judge.ts` decides.
 *
 * @module
 */

import { type Attestation, attestationDigest } from "./attestation.ts";
import type { Statement } from "./judge.ts";
import type { Keyring } from "./keyring.ts";
import { verifyAttestation } from "./openpgp_verify.ts";
import type { Repository } from "./repository.ts";

/** Something that attestations come from. */
export interface Source {
  /** What it is, for people. */
  readonly name: string;
  /** What it has about an identity. */
  attestations(id: string): readonly Attestation[] | Promise<readonly Attestation[]>;
}

/** A repository as a source. */
export function repositorySource(name: string, { attestations }: Repository): Source {
  return { name, attestations: (id) => attestations.get(id) ?? [] };
}

/**
 * Gathers what sources say about an identity and verifies it.
 *
 * @param id The identity.
 * @param sources Where to ask.
 * @param keyring Known keys.
 * @param now The time to judge expiry by.
 */
export async function gather(
  id: string,
  sources: readonly Source[],
  keyring: Keyring,
  now: Date,
): Promise<Statement[]> {
  const found = new Map<string, Attestation>();
  for (const source of sources) {
    for (const attestation of await source.attestations(id)) {
      // By all of it: a copy with other data must not hide the real one.
      found.set(attestationDigest(attestation), attestation);
    }
  }
  const statements: Statement[] = [];
  for (const attestation of found.values()) {
    statements.push({ attestation, verdict: await verifyAttestation(attestation, keyring, now) });
  }
  return statements;
}
