// Scans entries in place and gives the fingerprints of their identifiers: what entry_scan.ts and fingerprint.ts of core
// do, for the one form that nearly all entries have. AssemblyScript, not TypeScript: `deno task build:wasm` compiles it.
// Not for `deno fmt`, which takes @inline off.
//
// That form, in ASCII without controls, is
//   pypi-transparency/v1 LF sha256: 64 hexadecimal digits LF file [LF publisher SP issuer SP subject]
//
// Eight bytes are looked at in one go: byte i of a little-endian u64 is its bits 8 i .. 8 i + 7. What is true of a byte is
// its highest bit in a mask; bytes over 0x7f have that bit themselves, so it is taken off first. No byte of the memory
// belongs to this module.

const ONES: u64 = 0x0101010101010101;
const HIGHS: u64 = 0x8080808080808080;

// "pypi-transparency/v1\nsha256:" and "publisher " in words.
const HEAD_0: u64 = 0x6172742d69707970;
const HEAD_1: u64 = 0x636e65726170736e;
const HEAD_2: u64 = 0x6168730a31762f79;
const HEAD_3: u32 = 0x3a363532;
const HEAD_BYTES: i32 = 28;
const PUBLISHER_0: u64 = 0x656873696c627570;
const PUBLISHER_1: u32 = 0x2072;
const PUBLISHER_BYTES: i32 = 10;

const DIGEST_DIGITS: i32 = 64;
const MAX_FILE: i32 = 255;
const MAX_TOKEN: i32 = 2048;
const MAX_ENTRY: i32 = 0xffff;

const LF: u32 = 0x0a;
const SPACE: u32 = 0x20;
const DOT: u32 = 0x2e;

/** The mask of bytes from `low` to `high`; x has no byte over 0x7f. */
@inline
function between(x: u64, low: u64, high: u64): u64 {
  return (x + ONES * (0x80 - low)) & ~(x + ONES * (0x7f - high)) & HIGHS;
}

/** The mask of bytes that are not `byte`; x has no byte over 0x7f. */
@inline
function not(x: u64, byte: u64): u64 {
  return ((x ^ (ONES * byte)) + ONES * 0x7f) & HIGHS;
}

/** Where the bytes end that a token may have, and a file if `isFile`; at most at `end`. */
@inline
function runEnd(at: i32, end: i32, isFile: bool): i32 {
  while (at < end) {
    const word = load<u64>(at);
    const x = word & ~HIGHS;
    let good = between(x, 0x21, 0x7e) & ~word;
    if (isFile) good &= not(x, 0x25) & not(x, 0x2f) & not(x, 0x5c); // % / \
    if (good != HIGHS) return min<i32>(end, at + (<i32> ctz(good ^ HIGHS) >> 3));
    at += 8;
  }
  return end;
}

/** Whether 64 lowercase hexadecimal digits begin at `at`. */
@inline
function isDigest(at: i32): bool {
  let good = HIGHS;
  for (let i = 0; i < DIGEST_DIGITS; i += 8) {
    const word = load<u64>(at + i);
    const x = word & ~HIGHS;
    good &= (between(x, 0x30, 0x39) | between(x, 0x61, 0x66)) & ~word;
  }
  return good == HIGHS;
}

/** Whether `publisher SP issuer SP subject` is all that stands from `at` to `end`. */
function isPublisher(at: i32, end: i32): bool {
  if (end - at < PUBLISHER_BYTES + 3) return false;
  if (load<u64>(at) != PUBLISHER_0 || <u32> load<u16>(at, 8) != PUBLISHER_1) return false;
  const issuer = at + PUBLISHER_BYTES;
  const issuerEnd = runEnd(issuer, end, false);
  if (issuerEnd == issuer || issuerEnd - issuer > MAX_TOKEN) return false;
  if (issuerEnd == end || <u32> load<u8>(issuerEnd) != SPACE) return false;
  const subject = issuerEnd + 1;
  const length = end - subject;
  return length > 0 && length <= MAX_TOKEN && runEnd(subject, end, false) == end;
}

/** Where the file ends of the entry from `at` to `end`; 0 if it is not of the form. */
@inline
function fileEndOf(at: i32, end: i32): i32 {
  const file = at + HEAD_BYTES + DIGEST_DIGITS + 1;
  if (end <= file || end - at > MAX_ENTRY) return 0;
  if (load<u64>(at) != HEAD_0 || load<u64>(at, 8) != HEAD_1) return 0;
  if (load<u64>(at, 16) != HEAD_2 || load<u32>(at, 24) != HEAD_3) return 0;
  if (!isDigest(at + HEAD_BYTES) || <u32> load<u8>(file - 1) != LF) return 0;
  const fileEnd = runEnd(file, end, true);
  const length = fileEnd - file;
  if (length == 0 || length > MAX_FILE) return 0;
  // Neither "." nor "..".
  if (length <= 2 && <u32> load<u8>(file) == DOT && <u32> load<u8>(fileEnd - 1) == DOT) return 0;
  if (fileEnd == end) return fileEnd;
  if (<u32> load<u8>(fileEnd) != LF || !isPublisher(fileEnd + 1, end)) return 0;
  return fileEnd;
}

/** HalfSipHash-2-4 of "pypi", LF and the file, its 64 bits at `target`. The byte before the file is a LF. */
function hashIdentifier(file: i32, fileEnd: i32, seedLow: u32, seedHigh: u32, target: i32): void {
  let v0 = seedLow, v1 = seedHigh ^ 0xee, v2 = seedLow ^ 0x6c796765, v3 = seedHigh ^ 0x74656462;
  const rest = file - 1;
  const length = fileEnd - rest;
  const whole = length & ~3;
  let word: u32 = 0x69707970; // "pypi"
  // The word after the last whole one holds the rest of the bytes, and the length in its highest byte.
  for (let step = 0;; step += 4) {
    v3 ^= word;
    for (let i = 0; i < 2; i++) {
      v0 += v1; v1 = rotl<u32>(v1, 5) ^ v0; v0 = rotl<u32>(v0, 16); v2 += v3; v3 = rotl<u32>(v3, 8) ^ v2;
      v0 += v3; v3 = rotl<u32>(v3, 7) ^ v0; v2 += v1; v1 = rotl<u32>(v1, 13) ^ v2; v2 = rotl<u32>(v2, 16);
    }
    v0 ^= word;
    if (step > whole) break;
    word = load<u32>(rest + step);
    if (step < whole) continue;
    const left = (length - whole) << 3;
    word = (word & ((1 << left) - 1)) | (<u32> (length + 4) << 24);
  }
  v2 ^= 0xee;
  for (let half = 0; half < 8; half += 4) {
    for (let i = 0; i < 4; i++) {
      v0 += v1; v1 = rotl<u32>(v1, 5) ^ v0; v0 = rotl<u32>(v0, 16); v2 += v3; v3 = rotl<u32>(v3, 8) ^ v2;
      v0 += v3; v3 = rotl<u32>(v3, 7) ^ v0; v2 += v1; v1 = rotl<u32>(v1, 13) ^ v2; v2 = rotl<u32>(v2, 16);
    }
    store<u32>(target + half, v1 ^ v3);
    v1 ^= 0xdd;
  }
}

/**
 * Scans entries: entry i is the bytes src + offsets[i] .. src + offsets[i + 1] - gap. If it is of the form, the byte at
 * known + i becomes 1 and the 64 bits at fingerprints + 8 i its identifier's; else that byte becomes 0.
 *
 * Up to 7 bytes after the last entry are read, and not looked at.
 */
export function scanEntries(
  src: i32, offsets: i32, count: i32, gap: i32, seedLow: u32, seedHigh: u32, fingerprints: i32, known: i32,
): void {
  for (let i = 0; i < count; i++) {
    const at = src + load<i32>(offsets), end = src + load<i32>(offsets, 4) - gap;
    const fileEnd = fileEndOf(at, end);
    if (fileEnd) hashIdentifier(at + HEAD_BYTES + DIGEST_DIGITS + 1, fileEnd, seedLow, seedHigh, fingerprints);
    store<u8>(known, fileEnd != 0 ? 1 : 0);
    offsets += 4;
    fingerprints += 8;
    known++;
  }
}
