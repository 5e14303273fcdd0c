/**
 * The SHA-256 of a file of any size, read once in pieces.
 *
 * @module
 */

import type { Hash } from "@indelible/core";
import { createHash } from "node:crypto";
import { cannot } from "./files.ts";

const PIECE = 1 << 20;

/**
 * Digests a file.
 *
 * @param path The file.
 * @throws {Error} If it cannot be read.
 */
export async function digestFile(path: string): Promise<Hash> {
  try {
    using file = await Deno.open(path);
    const hash = createHash("sha256");
    const piece = new Uint8Array(PIECE);
    for (;;) {
      const read = await file.read(piece);
      if (read === null) break;
      hash.update(piece.subarray(0, read));
    }
    return new Uint8Array(hash.digest());
  } catch (error) {
    throw cannot("read", path, "file", error);
  }
}
