/**
 * Plain JSON: texts in ASCII whose strings have no escapes, read in place, byte by byte,
 * without making an object or a string. For what takes in JSON lines by the thousand;
 * nearly all of them are plain. Whatever is not is left to `json.ts`, which is the judge:
 * "no" means here "not plain", never "wrong".
 *
 * A place in the bytes is -1 where there is none. Nothing is read at `end` or beyond.
 *
 * @module
 */

const QUOTE = 0x22;
const COLON = 0x3a;
const DOT = 0x2e;
const MAX_FILE = 255;

// Classes of bytes, a bit each; a plain string holds only bytes of a class.

/** Bytes of a file name, as `checkFile` has it, but for the quote. */
export const FILE_BYTE = 1;
/** Bytes that show: of a publisher's issuer and subject. */
export const TOKEN_BYTE = 2;
/** Bytes that show, and the space. */
export const TEXT_BYTE = 4;
/** Lowercase hexadecimal digits. */
export const HEX_BYTE = 8;
/** Decimal digits. */
export const DIGIT_BYTE = 16;
/** White space of JSON, but for the newline, which ends a line. */
export const BLANK_BYTE = 32;

const CLASSES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  const is = (characters: RegExp, bit: number): number => characters.test(character) ? bit : 0;
  return is(/[!#-$&-.0-[\]-~]/, FILE_BYTE) | is(/[!#-[\]-~]/, TOKEN_BYTE) |
    is(/[ !#-[\]-~]/, TEXT_BYTE) | is(/[0-9a-f]/, HEX_BYTE) | is(/[0-9]/, DIGIT_BYTE) |
    is(/[ \t\r]/, BLANK_BYTE);
});

/** The place after all bytes of some classes that come next. */
export function pastRun(bytes: Uint8Array, at: number, end: number, classes: number): number {
  while (at < end && (CLASSES[bytes[at]!]! & classes) !== 0) at++;
  return at;
}

/** The place after blanks. */
export function pastBlanks(bytes: Uint8Array, at: number, end: number): number {
  return pastRun(bytes, at, end, BLANK_BYTE);
}

/** The place after a string of some classes of bytes, its quotes included. */
export function pastString(bytes: Uint8Array, at: number, end: number, classes: number): number {
  if (at >= end || bytes[at] !== QUOTE) return -1;
  const close = pastRun(bytes, at + 1, end, classes);
  return close < end && bytes[close] === QUOTE ? close + 1 : -1;
}

/** The place of a member's value: past the colon, which comes next, and the blanks around it. */
export function pastColon(bytes: Uint8Array, at: number, end: number): number {
  const colon = pastBlanks(bytes, at, end);
  if (colon >= end || bytes[colon] !== COLON) return -1;
  return pastBlanks(bytes, colon + 1, end);
}

/** Whether these bytes come next. */
export function isNext(bytes: Uint8Array, at: number, end: number, word: Uint8Array): boolean {
  if (at + word.length > end) return false;
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false;
  return true;
}

/** Whether a string of {@linkcode FILE_BYTE}s, in its quotes, is a file name as `checkFile` has it. */
export function isFileString(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start - 2;
  if (length < 1 || length > MAX_FILE) return false;
  return length > 2 || bytes[start + 1] !== DOT || bytes[end - 2] !== DOT;
}

/**
 * Copies bytes: where they are few, this is faster than a view of them would be made.
 *
 * @returns The place after them.
 */
export function putBytes(
  into: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): number {
  for (let i = start; i < end; i++) into[at++] = bytes[i]!;
  return at;
}
