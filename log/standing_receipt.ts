/**
 * The receipts of entries that were published before: read back from what is
 * stored, and checked against the root hash before anyone sees them.
 *
 * @module
 */

import { encodeBase64, equalBytes, type Hash, leafHash, rootFromInclusion } from "@indelible/core";
import type { Proof, Receipt } from "./pool.ts";
import type { Published } from "./publish.ts";
import { Damaged } from "./storage/failure.ts";
import type { StoredLog } from "./stored_log.ts";

/** The proof of an entry that was published before. */
export interface StandingProof extends Proof {
  /** The inclusion proof, the leaf's sibling first. */
  readonly hashes: readonly Hash[];
}

/** The receipt of an entry that was published before. */
export interface StandingReceipt extends Receipt {
  /** Reads the proof. */
  prove(): Promise<StandingProof>;
}

/** The receipt of an entry that was published before; read when it is proven. */
export function standingReceipt(
  stored: StoredLog,
  index: number,
  published: Published,
): StandingReceipt {
  return { index, published, prove: () => proveStanding(stored, index, published) };
}

/**
 * Proves a stored entry under the published checkpoint.
 *
 * @throws {Damaged} If what is stored does not lead to the published root hash.
 */
async function proveStanding(
  stored: StoredLog,
  index: number,
  { size, root }: Published,
): Promise<StandingProof> {
  const [bytes, hashes] = await Promise.all([
    stored.entry(index, size),
    stored.proveInclusion(index, size),
  ]);
  const computed = rootFromInclusion(BigInt(index), BigInt(size), leafHash(bytes), hashes);
  if (computed && equalBytes(computed, root)) {
    return { bytes, hashes, writeInclusion: (into) => into.json(hashes.map(encodeBase64)) };
  }
  throw new Damaged(
    `the tiles above entry ${index}`,
    "they do not lead to the published root hash",
  );
}
