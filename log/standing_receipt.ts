/**
 * The receipts of entries that were published before: read back from what is
 * stored, and checked against the root hash before anyone sees them.
 *
 * @module
 */

import { encodeBase64, equalBytes, leafHash, rootFromInclusion } from "@indelible/core";
import type { Proof, Receipt } from "./pool.ts";
import type { Published } from "./publish.ts";
import { Damaged } from "./storage/failure.ts";
import type { StoredLog } from "./stored_log.ts";

/** The receipt of an entry that was published before; read when it is proven. */
export function standingReceipt(
  stored: StoredLog,
  index: number,
  published: Published,
): Receipt {
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
): Promise<Proof> {
  const [bytes, proof] = await Promise.all([
    stored.entry(index, size),
    stored.proveInclusion(index, size),
  ]);
  const computed = rootFromInclusion(BigInt(index), BigInt(size), leafHash(bytes), proof);
  if (computed && equalBytes(computed, root)) return { bytes, hashes: proof.map(encodeBase64) };
  throw new Damaged(
    `the tiles above entry ${index}`,
    "they do not lead to the published root hash",
  );
}
