/**
 * Leaf and node hashes in bulk: a SHA-256 kernel in WebAssembly, the memory it
 * works in, and the growth of a tree as a job that several threads can share. What
 * hashes a tree, a batch or an audit starts here; `hash.ts` is for one hash at a time.
 *
 * @module
 */

export * from "./entry_scanner.ts";
export * from "./growth.ts";
export * from "./kernel.ts";
export * from "./memory.ts";
