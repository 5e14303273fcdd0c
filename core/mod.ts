/**
 * The words of the field as pure functions: no clock, no randomness, no network,
 * no platform. It runs in every program, in workers and in the browser.
 *
 * @example Grow a tree and prove an entry
 * ```ts
 * import {
 *   appendLeafHash, checkInclusion, EMPTY_EDGE, leafHash, nodeHash, rootHash, utf8,
 * } from "@indelible/core";
 *
 * const [a, b] = [leafHash(utf8("a")), leafHash(utf8("b"))];
 * const edge = appendLeafHash(appendLeafHash(EMPTY_EDGE, a), b);
 * if (!checkInclusion(1n, 2n, b, [a], rootHash(edge))) throw new Error("not included");
 * ```
 *
 * @module
 */

export * from "./add_checkpoint.ts";
export * from "./bytes.ts";
export * from "./checkpoint.ts";
export * from "./cosignature.ts";
export * from "./ed25519.ts";
export * from "./entry.ts";
export * from "./entry_bundle.ts";
export * from "./entry_scan.ts";
export * from "./entry_slab.ts";
export * from "./evidence.ts";
export * from "./evidence_check.ts";
export * from "./evidence_entry.ts";
export * from "./evidence_file.ts";
export * from "./evidence_fork.ts";
export * from "./evidence_open.ts";
export * from "./evidence_served.ts";
export * from "./fingerprint.ts";
export * from "./fingerprint_table.ts";
export * from "./hash.ts";
export * from "./head.ts";
export * from "./json.ts";
export * from "./key.ts";
export * from "./log_reader.ts";
export * from "./note.ts";
export * from "./plain_json.ts";
export * from "./policy.ts";
export * from "./policy_format.ts";
export * from "./project.ts";
export * from "./proof.ts";
export * from "./publishers.ts";
export * from "./right_edge.ts";
export * from "./tile.ts";
export * from "./tlog_proof.ts";
export * from "./tlog_proofs.ts";
export * from "./tlog_proofs_entries.ts";
export * from "./tlog_proofs_tree.ts";
