/**
 * Bytes that arrive in pieces, as blocks of whole lines: what reads millions of lines
 * goes over the bytes of a block, and nothing is made for each line.
 *
 * @module
 */

/** The byte that ends a line. */
export const LF = 0x0a;

/**
 * Puts pieces together to blocks that end where a line ends; a final newline is
 * optional. A block is to be used before the next one is asked for.
 *
 * @param pieces The bytes.
 * @param maxLine About the most bytes that a line may have.
 * @throws {SyntaxError} If a line is longer.
 */
export async function* lineBlocks(
  pieces: AsyncIterable<Uint8Array>,
  maxLine: number,
): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(0);
  /** How many bytes of an unfinished line it begins with. */
  let rest = 0;
  for await (const piece of pieces) {
    const length = rest + piece.length;
    if (length > buffer.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(buffer.subarray(0, rest));
      buffer = larger;
    }
    buffer.set(piece, rest);
    const inPiece = piece.lastIndexOf(LF) + 1;
    const end = inPiece === 0 ? 0 : rest + inPiece;
    if (end > 0) yield buffer.subarray(0, end);
    buffer.copyWithin(0, end, length);
    rest = length - end;
    if (rest > maxLine) throw new SyntaxError(`a line is longer than ${maxLine} bytes`);
  }
  if (rest > 0) yield buffer.subarray(0, rest);
}

/**
 * Goes over the lines of a block.
 *
 * @param block Whole lines; the last one may lack its newline.
 * @param onLine Told of each: its first byte and the one after its last, the newline left out.
 */
export function eachLine(
  block: Uint8Array,
  onLine: (start: number, end: number) => void,
): void {
  for (let at = 0; at < block.length;) {
    const next = block.indexOf(LF, at);
    const end = next < 0 ? block.length : next;
    onLine(at, end);
    at = end + 1;
  }
}
