/**
 * A file's bytes on their way through, hashed: the last of them are held back until
 * the digest is known to match, so that nobody ever gets a whole file that is not
 * the one that was logged (fault P1). What is no longer than is held back is not
 * let through at all before that.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** The bytes are not those that were logged. */
export class BytesDiffer extends Error {
  /** Tells it from other errors. */
  override readonly name = "BytesDiffer";
}

/** How many bytes are held back. */
export const HELD_BACK = 4 << 20;

/** What the bytes must be. */
export interface Expected {
  /** Their SHA-256 in hex. */
  readonly sha256: string;
  /** How many there are, if that is known. */
  readonly size: number | null;
}

/**
 * Passes pieces on, all but the last {@linkcode HELD_BACK} bytes before the end.
 *
 * @param pieces The bytes.
 * @param expected What they must be.
 * @param heldBack How many bytes to hold back.
 * @throws {BytesDiffer} If they are not, before the last of them.
 */
export async function* holdBack(
  pieces: AsyncIterable<Uint8Array>,
  { sha256, size }: Expected,
  heldBack: number = HELD_BACK,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const hash = createHash("sha256");
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  let received = 0;
  for await (const piece of pieces) {
    hash.update(piece);
    received += piece.length;
    if (size !== null && received > size) throw new BytesDiffer(`over ${size} bytes`);
    held.push(piece);
    heldBytes += piece.length;
    while (heldBytes - (held[0]?.length ?? 0) >= heldBack) {
      const first = held.shift()!;
      heldBytes -= first.length;
      yield first as Uint8Array<ArrayBuffer>;
    }
  }
  if (size !== null && received !== size) {
    throw new BytesDiffer(`${received} bytes, listed are ${size}`);
  }
  const digest = hash.digest("hex");
  if (digest !== sha256) throw new BytesDiffer(`their SHA-256 is ${digest}, logged is ${sha256}`);
  yield* held as Uint8Array<ArrayBuffer>[];
}
