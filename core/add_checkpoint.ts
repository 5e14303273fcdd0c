/**
 * The text that a log sends a witness (C2SP tlog-witness, `add-checkpoint`): the
 * size the witness last saw, the consistency proof from there, the checkpoint.
 *
 * @module
 */

import { concat, encodeBase64, parseDecimal, utf8 } from "./bytes.ts";
import type { Hash } from "./hash.ts";
import { parseProofHash, splitHead } from "./head.ts";

/** The most hashes a consistency proof may have. */
export const MAX_PROOF_HASHES = 63;

/** The content type of a witness's 409, whose body is the size it last cosigned. */
export const WITNESS_SIZE_TYPE = "text/x.tlog.size";

/** A request to cosign a checkpoint. */
export interface AddCheckpoint {
  /** The size the witness is believed to have cosigned last; 0 for none. */
  readonly oldSize: bigint;
  /** The consistency proof from that size. */
  readonly proof: readonly Hash[];
  /** The log's signed checkpoint, verbatim. */
  readonly checkpoint: Uint8Array;
}

/** The body of the request. */
export function formatAddCheckpoint(
  { oldSize, proof, checkpoint }: AddCheckpoint,
): Uint8Array<ArrayBuffer> {
  const hashes = proof.map((hash) => `${encodeBase64(hash)}\n`).join("");
  return concat(utf8(`old ${oldSize}\n${hashes}\n`), checkpoint);
}

/**
 * Parses the body of the request. The checkpoint is not looked into: which key
 * may sign it depends on its origin.
 *
 * @throws {SyntaxError} If the head is malformed.
 */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint {
  const { head, rest } = splitHead(body, "add-checkpoint request");
  const [first, ...hashes] = head;
  if (!first?.startsWith("old ")) {
    throw malformed('the first line must be "old <size>"');
  }
  if (hashes.length > MAX_PROOF_HASHES) {
    throw malformed(
      `the proof has at most ${MAX_PROOF_HASHES} hashes, not ${hashes.length}`,
    );
  }
  return {
    oldSize: parseDecimal(first.slice(4), "old size"),
    proof: hashes.map(parseProofHash),
    checkpoint: rest,
  };
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse add-checkpoint request: ${why}`);
}
