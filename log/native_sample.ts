/**
 * Hashes a few of many again with the platform's own SHA-256: a wrong kernel
 * cannot hide behind workers that all run it.
 *
 * @module
 */

import { type EntrySlab, equalBytes, type Hash, HASH_SIZE, slabEntry } from "@indelible/core";
import type { NodeRow } from "@indelible/core/kernel";
import { hash as nativeHash } from "node:crypto";
import { hashAt, shiftRight } from "./tree.ts";

/** At least so many of a job, as far as there are; fewer of the rows that are made of others. */
const SAMPLES = 8;
const ROW_SAMPLES = 2;
/** And one of so many: a chunk of the hash pool has no more leaves. */
const STRIDE = 512;

/** The bytes that the i-th hash of a job is over. */
export type MessageOf = (
  i: number,
) => readonly [prefix: 0x00 | 0x01, bytes: Uint8Array];

/**
 * Checks a sample of hashes.
 *
 * @param count How many hashes there are.
 * @param message What each is over.
 * @param hashes The hashes, one after the other.
 * @param least How many to check at least.
 * @throws {Error} If one of the sample is wrong.
 */
export function checkSample(
  count: number,
  message: MessageOf,
  hashes: Uint8Array,
  least: number = SAMPLES,
): void {
  const step = Math.min(STRIDE, Math.max(1, Math.floor(count / least)));
  for (let i = Math.floor(Math.random() * Math.min(step, count)); i < count; i += step) {
    const [prefix, bytes] = message(i);
    if (!equalBytes(sha256Native(prefix, bytes), hashAt(hashes, i))) {
      throw new Error(`Cannot trust hash kernel: hash ${i} of ${count} is wrong`);
    }
  }
}

/**
 * Checks a sample of every row that new entries made in a tree.
 *
 * @param size The tree size before.
 * @param entries The new entries.
 * @param rows The rows by height.
 * @throws {Error} If one of the sample is wrong.
 */
export function checkRows(size: number, entries: EntrySlab, rows: readonly NodeRow[]): void {
  let below: NodeRow | null = null;
  for (const [height, row] of rows.entries()) {
    const old = shiftRight(size, height) - row.first;
    const fresh = row.hashes.subarray(old * HASH_SIZE);
    // The new nodes are over the pairs of the row below, from its start on.
    const message = below ? nodeMessages(below.hashes) : leafMessages(entries);
    const least = height < 2 ? SAMPLES : ROW_SAMPLES;
    checkSample(fresh.length / HASH_SIZE, message, fresh, least);
    below = row;
  }
}

/** The messages of leaf hashes. */
export function leafMessages(entries: EntrySlab): MessageOf {
  return (i) => [0x00, slabEntry(entries, i)];
}

/** The messages of node hashes. */
export function nodeMessages(pairs: Uint8Array): MessageOf {
  return (
    i,
  ) => [0x01, pairs.subarray(i * 2 * HASH_SIZE, (i + 1) * 2 * HASH_SIZE)];
}

function sha256Native(prefix: number, bytes: Uint8Array): Hash {
  const message = new Uint8Array(1 + bytes.length);
  message[0] = prefix;
  message.set(bytes, 1);
  return nativeHash("sha256", message, "buffer");
}
