/**
 * What an entry says as far as the one-digest rule goes: `ecosystem LF file LF digest`,
 * the digest in hexadecimal. Kept as bytes, for a log may have millions to compare.
 *
 * @module
 */

import { EntryScan, equalBytes, parseEntry, parseUtf8, utf8 } from "@indelible/core";

const LF = 0x0a;
const PYPI = utf8("pypi");
const DIGEST_DIGITS = 64;

/** Reads statements out of entries. */
export class StatementReader {
  readonly #scan = new EntryScan();

  /**
   * The statement of an entry.
   *
   * @throws {SyntaxError} If the bytes are not an entry.
   */
  read(entry: Uint8Array): Uint8Array {
    const scan = this.#scan;
    if (!scan.scan(entry, 0, entry.length)) {
      const { ecosystem, file, digest } = parseEntry(entry);
      return utf8(`${ecosystem}\n${file}\n${digest.toHex()}`);
    }
    const { ecosystemStart, ecosystemEnd, fileStart, fileEnd, digestStart } = scan;
    const ecosystem = ecosystemEnd === 0 ? PYPI : entry.subarray(ecosystemStart, ecosystemEnd);
    const fileAt = ecosystem.length + 1;
    const digestAt = fileAt + fileEnd - fileStart + 1;
    const bytes = new Uint8Array(digestAt + DIGEST_DIGITS).fill(LF);
    bytes.set(ecosystem);
    bytes.set(entry.subarray(fileStart, fileEnd), fileAt);
    bytes.set(entry.subarray(digestStart, digestStart + DIGEST_DIGITS), digestAt);
    return bytes;
  }
}

/** Whether two statements are about one identifier. */
export function isSameIdentifier(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(a.subarray(0, -DIGEST_DIGITS), b.subarray(0, -DIGEST_DIGITS));
}

/** Whether two statements give one digest. */
export function isSameDigest(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(a.subarray(-DIGEST_DIGITS), b.subarray(-DIGEST_DIGITS));
}

/** The digest of a statement, in hexadecimal. */
export function digestIn(statement: Uint8Array): string {
  return parseUtf8(statement.subarray(-DIGEST_DIGITS));
}

/** The file of a statement. */
export function fileIn(statement: Uint8Array): string {
  return parseUtf8(statement).split("\n")[1]!;
}

const FIRST_CAPACITY = 1 << 16;

/** Byte strings by their number, any amount of them, in one piece of memory. */
export class ByteList {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  readonly #ends: number[] = [];

  /** Adds one. */
  push(bytes: Uint8Array): void {
    const start = this.#ends.at(-1) ?? 0;
    const end = start + bytes.length;
    if (end > this.#bytes.length) {
      const longer = new Uint8Array(2 * end);
      longer.set(this.#bytes.subarray(0, start));
      this.#bytes = longer;
    }
    this.#bytes.set(bytes, start);
    this.#ends.push(end);
  }

  /** The `i`-th, without copying. */
  at(i: number): Uint8Array {
    return this.#bytes.subarray(this.#ends[i - 1] ?? 0, this.#ends[i]);
  }
}
