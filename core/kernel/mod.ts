/**
 * Leaf and node hashes in bulk: a SHA-256 kernel in WebAssembly and the memory it
 * works in. What hashes a tree, a batch or an audit starts here; `hash.ts` is for
 * one hash at a time.
 *
 * @module
 */

export * from "./kernel.ts";
export * from "./memory.ts";
