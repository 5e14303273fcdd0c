/**
 * Bytes and text, strictly: the encodings every format of the log is made of.
 * Platform decoders forgive what the formats forbid (`atob` takes `AB==` for
 * `AA==`, `fromBase64` skips white space, `TextDecoder` drops a BOM), so nothing
 * else in the project decodes by itself.
 *
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Joins byte strings. */
export function concat(
  ...parts: readonly Uint8Array[]
): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Whether two byte strings are the same. Not constant-time: for public values. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/**
 * Decodes UTF-8, keeping a leading U+FEFF.
 *
 * @throws {SyntaxError} If the bytes are not valid UTF-8.
 */
export function parseUtf8(bytes: Uint8Array): string {
  // What is not UTF-8 becomes U+FFFD; only where one stands does the strict decoder
  // have to tell whether it was there before. By itself it takes far longer on Deno.
  const text = decoder.decode(bytes);
  if (!text.includes("\ufffd")) return text;
  try {
    return strictDecoder.decode(bytes);
  } catch {
    throw new SyntaxError("Cannot decode text: not valid UTF-8");
  }
}

/** Standard padded base64 (RFC 4648 §4). */
export function encodeBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** The six bits that a character stands for, by its code; -1 for any other. */
const SIX_BITS = new Int8Array(128).fill(-1);
for (let bits = 0; bits < 64; bits++) SIX_BITS[ALPHABET.charCodeAt(bits)] = bits;
/** The bits of the last four characters that no byte takes, by the length of the padding. */
const UNUSED = [0, 0xff, 0xffff] as const;

/**
 * Decodes standard base64 in its one canonical spelling: padded, without white
 * space, unused bits zero.
 *
 * By hand: on Deno the platform's decoder and a check that it skipped no white space
 * take two to three times as long, at every length (measured).
 *
 * @throws {SyntaxError} If the text is anything else.
 */
export function parseBase64(text: string): Uint8Array<ArrayBuffer> {
  const { length } = text;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if (length % 4 !== 0) throw notBase64(text);
  const end = length - padding;
  const bytes = new Uint8Array(length / 4 * 3 - padding);
  let four = 0;
  for (let i = 0, at = 0; i < length; i += 4, at += 3) {
    four = sixBits(text, i) << 18 | sixBits(text, i + 1) << 12 |
      (i + 2 < end ? sixBits(text, i + 2) << 6 : 0) |
      (i + 3 < end ? sixBits(text, i + 3) : 0);
    if (four < 0) throw notBase64(text);
    bytes[at] = four >> 16;
    bytes[at + 1] = four >> 8; // Beyond the end nothing is written.
    bytes[at + 2] = four;
  }
  if (four & UNUSED[padding]) throw notBase64(text);
  return bytes;
}

function sixBits(text: string, i: number): number {
  const code = text.charCodeAt(i);
  return code < SIX_BITS.length ? SIX_BITS[code]! : -1;
}

function notBase64(text: string): SyntaxError {
  return new SyntaxError(
    `Cannot decode base64: expected the canonical padded form: received "${excerpt(text)}"`,
  );
}

/** Lowercase hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

const HEX = /^(?:[0-9a-f]{2})*$/;

/**
 * Decodes lowercase hexadecimal.
 *
 * @throws {SyntaxError} If the text holds anything but pairs of `0-9a-f`.
 */
export function parseHex(text: string): Uint8Array<ArrayBuffer> {
  if (!HEX.test(text)) {
    throw new SyntaxError(
      `Cannot decode hexadecimal: expected pairs of 0-9a-f: received "${excerpt(text)}"`,
    );
  }
  return Uint8Array.fromHex(text);
}

/** The 8 bytes of an unsigned 64-bit number, big-endian. */
export function uint64(value: bigint): Uint8Array<ArrayBuffer> {
  if (value < 0n || value > 0xffff_ffff_ffff_ffffn) {
    throw new RangeError(
      `Cannot encode ${value}: not an unsigned 64-bit number`,
    );
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** Sizes, indices and timestamps go up to 2^63-1 (tlog-checkpoint, tlog-cosignature). */
export const MAX_INT63 = (1n << 63n) - 1n;

const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;

/**
 * Parses a decimal without leading zeroes, at most 2^63-1. The grammar comes
 * before the number: `BigInt("")` is 0 and `BigInt(" 7 ")` is 7.
 *
 * @param text The digits.
 * @param what What the number is, for the message: `"tree size"`.
 * @throws {SyntaxError} If the text is not such a decimal.
 */
export function parseDecimal(text: string, what: string): bigint {
  const value = DECIMAL.test(text) ? BigInt(text) : -1n;
  if (value < 0n || value > MAX_INT63) {
    throw new SyntaxError(
      `Cannot parse ${what}: must be a decimal without leading zeroes, at most 2^63-1: received "${
        excerpt(text)
      }"`,
    );
  }
  return value;
}

// Controls, what turns or hides text, line separators, and what quoting uses.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}"\\]/gu;

/** A short, printable piece of a hostile text, for error messages. */
export function excerpt(text: string, length = 60): string {
  const cut = text.length > length ? text.slice(0, length) + "…" : text;
  return cut.replace(
    UNPRINTABLE,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
