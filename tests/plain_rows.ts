/** The rows of a growing tree by the plain functions of core, one hash at a time. */

import { entryCount, type EntrySlab, leafHash, nodeHash, slabEntry } from "@indelible/core";
import type { GrowingTree, NodeRow } from "@indelible/core/kernel";
import { hasBit, packHashes, shiftRight } from "../log/tree.ts";

/**
 * What a hasher gives for the same arguments.
 *
 * @param tree The tree before.
 * @param entries The new entries.
 * @param hash The hashes to be made with, for a test that wants wrong ones.
 */
export function plainRows(
  tree: GrowingTree,
  entries: EntrySlab,
  hash: { leafHash: typeof leafHash; nodeHash: typeof nodeHash } = { leafHash, nodeHash },
): NodeRow[] {
  const count = entryCount(entries);
  const rows: NodeRow[] = [];
  let fresh = Array.from({ length: count }, (_, i) => hash.leafHash(slabEntry(entries, i)));
  for (let height = 0; shiftRight(tree.size + count, height) > 0; height++) {
    const old = hasBit(tree.size, height) ? [tree.edge.get(height)!] : [];
    const row = [...old, ...fresh];
    rows.push({
      first: shiftRight(tree.size, height) - old.length,
      hashes: packHashes(row),
    });
    fresh = Array.from(
      { length: Math.floor(row.length / 2) },
      (_, i) => hash.nodeHash(row[2 * i]!, row[2 * i + 1]!),
    );
  }
  return rows;
}
