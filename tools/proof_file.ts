/**
 * Proof files: a tlog-proof beside the file it is about.
 *
 * @module
 */

import { parseTlogProof, type TlogProof } from "@indelible/core";
import { readSmallFile } from "./files.ts";

/** The extension of proof files (C2SP tlog-proof). */
export const PROOF_EXTENSION = ".tlog-proof";

/**
 * Reads a proof file; nothing of it is verified.
 *
 * @param path The file.
 * @throws {Error} If it cannot be read or is not a tlog-proof.
 */
export async function readProof(path: string): Promise<TlogProof> {
  const bytes = await readSmallFile(path, "--proof");
  try {
    return parseTlogProof(bytes);
  } catch (error) {
    throw new Error(`Cannot use --proof ${path}: ${(error as Error).message}`);
  }
}
