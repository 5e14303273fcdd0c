/**
 * The digest of a file, in this browser: the file goes nowhere. A stream, so that it
 * may be larger than memory; not the platform's `crypto.subtle`, which takes no
 * streams and is missing on pages without TLS.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import type { Hash } from "@indelible/core";

/**
 * SHA-256 of a file.
 *
 * @param file The file.
 * @param onProgress Told how many bytes are done, now and then.
 * @param signal Ends it early.
 */
export async function digestFile(
  file: Blob,
  onProgress: (bytes: number) => void = () => {},
  signal?: AbortSignal,
): Promise<Hash> {
  const hasher = sha256.create();
  let done = 0;
  for await (const chunk of file.stream()) {
    signal?.throwIfAborted();
    hasher.update(chunk);
    done += chunk.length;
    onProgress(done);
  }
  return hasher.digest();
}
