/**
 * What texts that end in a checkpoint have in common: a head of lines, proof
 * hashes among them, then a blank line, then bytes that are taken verbatim.
 *
 * @module
 */

import { parseBase64, parseUtf8 } from "./bytes.ts";
import { type Hash, HASH_SIZE } from "./hash.ts";

/**
 * Cuts a text at its first blank line into the lines of its head and the bytes
 * that follow.
 *
 * @param bytes The whole text.
 * @param what What the text is, for the message.
 * @throws {SyntaxError} If there is no blank line or the head is not UTF-8.
 */
export function splitHead(
  bytes: Uint8Array,
  what: string,
): { head: string[]; rest: Uint8Array } {
  let end = bytes.indexOf(0x0a);
  while (end >= 0 && bytes[end + 1] !== 0x0a) {
    end = bytes.indexOf(0x0a, end + 1);
  }
  if (end < 0) {
    throw new SyntaxError(`Cannot parse ${what}: there is no blank line`);
  }
  return {
    head: parseUtf8(bytes.subarray(0, end)).split("\n"),
    rest: bytes.subarray(end + 2),
  };
}

/**
 * Parses one line of a proof.
 *
 * @throws {SyntaxError} If it is not the base64 of 32 bytes.
 */
export function parseProofHash(line: string): Hash {
  const hash = parseBase64(line);
  if (hash.length !== HASH_SIZE) {
    throw new SyntaxError(
      `Cannot parse proof: a hash has 32 bytes, not ${hash.length}`,
    );
  }
  return hash;
}
