/**
 * Fingerprints of identifiers: 64 bits in place of (ecosystem, file), for tables of
 * millions of them. Equal ones say "perhaps the same identifier", never more: on each
 * hit the entries themselves decide.
 *
 * The function is HalfSipHash-2-4 with a 64-bit result (SipHash by Aumasson and
 * Bernstein, on 32-bit words) over `ecosystem LF file`. It is keyed: without the seed,
 * which is to be random, nobody can prepare identifiers that collide.
 *
 * @module
 */

/** The key of fingerprints: two random uint32, the lower half first. */
export type FingerprintSeed = Uint32Array;

/** An ecosystem, LF and a file at their longest. */
const MAX_IDENTIFIER = 32 + 1 + 255;
const LF = 0x0a;

/** The identifier that is hashed next; never kept from one call to the other. */
const identifier = new Uint8Array(MAX_IDENTIFIER);

/**
 * The fingerprint of an identifier.
 *
 * @param ecosystem The registry's kind, as `checkEcosystem` accepts it.
 * @param file The file name, as `checkFile` accepts it.
 * @param seed The key.
 * @param into Where the two halves go, the lower first.
 * @param at The place of the first.
 */
export function identifierFingerprint(
  ecosystem: string,
  file: string,
  seed: FingerprintSeed,
  into: Uint32Array,
  at = 0,
): void {
  const fileAt = ecosystem.length + 1;
  for (let i = 0; i < ecosystem.length; i++) identifier[i] = ecosystem.charCodeAt(i);
  identifier[fileAt - 1] = LF;
  for (let i = 0; i < file.length; i++) identifier[fileAt + i] = file.charCodeAt(i);
  halfSipHash(identifier, fileAt + file.length, seed, into, at);
}

/** Where an identifier stands in the bytes of an entry: first bytes, and those after the last. */
export interface IdentifierRange {
  /** The ecosystem's first byte; 0 where the entry's form implies `pypi`. */
  readonly ecosystemStart: number;
  /** The byte after the ecosystem's last; 0 likewise. */
  readonly ecosystemEnd: number;
  /** The file's first byte. */
  readonly fileStart: number;
  /** The byte after the file's last. */
  readonly fileEnd: number;
}

const PYPI = Uint8Array.of(0x70, 0x79, 0x70, 0x69);

/**
 * The same fingerprint, of an identifier that stands in bytes.
 *
 * @param bytes Where it stands.
 * @param range Where in them.
 * @param seed The key.
 * @param into Where the two halves go, the lower first.
 * @param at The place of the first.
 */
export function identifierFingerprintOf(
  bytes: Uint8Array,
  { ecosystemStart, ecosystemEnd, fileStart, fileEnd }: IdentifierRange,
  seed: FingerprintSeed,
  into: Uint32Array,
  at = 0,
): void {
  let length = 0;
  if (ecosystemEnd === 0) {
    while (length < PYPI.length) identifier[length] = PYPI[length++]!;
  } else {
    for (let i = ecosystemStart; i < ecosystemEnd; i++) identifier[length++] = bytes[i]!;
  }
  identifier[length++] = LF;
  for (let i = fileStart; i < fileEnd; i++) identifier[length++] = bytes[i]!;
  halfSipHash(identifier, length, seed, into, at);
}

/**
 * HalfSipHash-2-4 with a result of 64 bits.
 *
 * @param bytes The message is the first `length` of them.
 * @param length How many.
 * @param seed The key.
 * @param into Where the two halves of the result go, the lower first.
 * @param at The place of the first.
 */
export function halfSipHash(
  bytes: Uint8Array,
  length: number,
  seed: FingerprintSeed,
  into: Uint32Array,
  at = 0,
): void {
  const low = seed[0]! | 0;
  const high = seed[1]! | 0;
  let v0 = low;
  let v1 = high ^ 0xee; // What sets the 64-bit result apart from the 32-bit one.
  let v2 = low ^ 0x6c796765;
  let v3 = high ^ 0x74656462;
  const whole = length & ~3;
  // Two rounds a word, the last word holding the message's rest and length; then twice four.
  for (let step = 0; step <= whole; step += 4) {
    const word = step < whole
      ? bytes[step]! | bytes[step + 1]! << 8 | bytes[step + 2]! << 16 | bytes[step + 3]! << 24
      : lastWord(bytes, whole, length);
    v3 ^= word;
    for (let round = 0; round < 2; round++) {
      v0 = v0 + v1 | 0, v1 = (v1 << 5 | v1 >>> 27) ^ v0, v0 = v0 << 16 | v0 >>> 16;
      v2 = v2 + v3 | 0, v3 = (v3 << 8 | v3 >>> 24) ^ v2;
      v0 = v0 + v3 | 0, v3 = (v3 << 7 | v3 >>> 25) ^ v0;
      v2 = v2 + v1 | 0, v1 = (v1 << 13 | v1 >>> 19) ^ v2, v2 = v2 << 16 | v2 >>> 16;
    }
    v0 ^= word;
  }
  v2 ^= 0xee;
  for (let half = 0; half < 2; half++) {
    for (let round = 0; round < 4; round++) {
      v0 = v0 + v1 | 0, v1 = (v1 << 5 | v1 >>> 27) ^ v0, v0 = v0 << 16 | v0 >>> 16;
      v2 = v2 + v3 | 0, v3 = (v3 << 8 | v3 >>> 24) ^ v2;
      v0 = v0 + v3 | 0, v3 = (v3 << 7 | v3 >>> 25) ^ v0;
      v2 = v2 + v1 | 0, v1 = (v1 << 13 | v1 >>> 19) ^ v2, v2 = v2 << 16 | v2 >>> 16;
    }
    into[at + half] = v1 ^ v3;
    v1 ^= 0xdd;
  }
}

/** The bytes after the last whole word, and the length in the highest byte. */
function lastWord(bytes: Uint8Array, whole: number, length: number): number {
  let word = length << 24;
  for (let i = whole; i < length; i++) word |= bytes[i]! << 8 * (i - whole);
  return word;
}
