/**
 * Hashes a few of many again with the platform's own SHA-256: a wrong kernel
 * cannot hide behind workers that all run it.
 *
 * @module
 */

import { equalBytes, type Hash, HASH_SIZE } from "@indelible/core";
import { hash as nativeHash } from "node:crypto";

const SAMPLES = 8;

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
 * @throws {Error} If one of the sample is wrong.
 */
export function checkSample(
  count: number,
  message: MessageOf,
  hashes: Uint8Array,
): void {
  const step = Math.max(1, Math.floor(count / SAMPLES));
  for (
    let i = Math.floor(Math.random() * Math.min(step, count));
    i < count;
    i += step
  ) {
    const [prefix, bytes] = message(i);
    if (
      !equalBytes(
        sha256Native(prefix, bytes),
        hashes.subarray(i * 32, (i + 1) * 32),
      )
    ) {
      throw new Error(
        `Cannot trust hash kernel: hash ${i} of ${count} is wrong`,
      );
    }
  }
}

/** The messages of leaf hashes. */
export function leafMessages(entries: readonly Uint8Array[]): MessageOf {
  return (i) => [0x00, entries[i]!];
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
