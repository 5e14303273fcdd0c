/**
 * Cosignatures (C2SP tlog-cosignature): timestamped signatures on checkpoints,
 * by witnesses, and by logs that sign with ML-DSA-44. Here is what the two kinds
 * sign, and the one place that turns a key into its verifier or signer.
 *
 * - Ed25519 (0x04) signs `cosignature/v1`, a time line and the note's text.
 * - ML-DSA-44 (0x06) signs a binary `subtree/v1` message; extension lines are
 *   **not** covered by it.
 *
 * @module
 */

import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";
import { concat, MAX_INT63, uint64, utf8 } from "./bytes.ts";
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { type Ed25519, pureEd25519 } from "./ed25519.ts";
import { type Hash, HASH_SIZE } from "./hash.ts";
import { KeyType, type SignerKey, type VerifierKey } from "./key.ts";
import { ed25519Signer, ed25519Verifier, type NoteSigner, type NoteVerifier } from "./note.ts";

const TIMESTAMP_SIZE = 8;

/**
 * The bytes that an Ed25519 cosignature (0x04) signs.
 *
 * @param text The note's text.
 * @param time POSIX seconds.
 * @throws {RangeError} If the time is negative or over 2^63-1.
 */
export function cosignatureMessage(
  text: string,
  time: bigint,
): Uint8Array<ArrayBuffer> {
  checkTime(time);
  return utf8(`cosignature/v1\ntime ${time}\n${text}`);
}

/** What an ML-DSA-44 cosignature (0x06) is about. */
export interface Subtree {
  /** The cosigner's key name, 1–255 bytes. */
  readonly cosigner: string;
  /** POSIX seconds; 0 makes no claim that this is the largest tree. */
  readonly time: bigint;
  /** The log's origin, 1–255 bytes. */
  readonly origin: string;
  /** First leaf index. */
  readonly start: bigint;
  /** Leaf index after the last. */
  readonly end: bigint;
  /** The subtree's root hash. */
  readonly hash: Hash;
}

const SUBTREE_LABEL = utf8("subtree/v1\n\0");

/**
 * The bytes that an ML-DSA-44 cosignature (0x06) signs.
 *
 * @throws {RangeError} If a name does not fit, a number is out of range, or a
 *   subtree that starts after 0 carries a time.
 */
export function subtreeMessage(
  { cosigner, time, origin, start, end, hash }: Subtree,
): Uint8Array<ArrayBuffer> {
  if (start > 0n && time !== 0n) {
    throw new RangeError(
      "Cannot cosign subtree: one that starts after 0 must have time 0",
    );
  }
  checkTime(time);
  if (start < 0n || start > end || end > MAX_INT63) {
    throw new RangeError(
      `Cannot cosign subtree: [${start}, ${end}) is no range`,
    );
  }
  if (hash.length !== HASH_SIZE) {
    throw new RangeError("Cannot cosign subtree: the hash has 32 bytes");
  }
  return concat(
    SUBTREE_LABEL,
    prefixed(cosigner, "cosigner name"),
    uint64(time),
    prefixed(origin, "log origin"),
    uint64(start),
    uint64(end),
    hash,
  );
}

function checkTime(time: bigint): void {
  if (time < 0n || time > MAX_INT63) {
    throw new RangeError(
      `Cannot cosign: the time must be between 0 and 2^63-1, not ${time}`,
    );
  }
}

function prefixed(text: string, what: string): Uint8Array {
  const bytes = utf8(text);
  if (bytes.length < 1 || bytes.length > 255) {
    throw new RangeError(
      `Cannot cosign subtree: ${what} has 1–255 bytes, not ${bytes.length}`,
    );
  }
  return concat(Uint8Array.of(bytes.length), bytes);
}

function checkpointMessage(
  cosigner: string,
  checkpoint: Checkpoint,
  time: bigint,
): Uint8Array {
  const { origin, size, root } = checkpoint;
  return subtreeMessage({
    cosigner,
    time,
    origin,
    start: 0n,
    end: size,
    hash: root,
  });
}

/** The time in a cosignature's bytes, in POSIX seconds; the signature covers it. */
export function cosignatureTime(signature: Uint8Array): bigint {
  return new DataView(signature.buffer, signature.byteOffset, TIMESTAMP_SIZE)
    .getBigUint64(0);
}

/** Checks cosignatures of one witness key, type 0x04 or 0x06. */
function cosignatureVerifier(key: VerifierKey, ed25519: Ed25519): NoteVerifier {
  const { name, keyId, type, publicKey } = key;
  const size = type === KeyType.mlDsa44 ? 2420 : 64;
  function verify(text: string, signature: Uint8Array): boolean {
    if (signature.length !== TIMESTAMP_SIZE + size) return false;
    const time = cosignatureTime(signature);
    if (time > MAX_INT63) return false;
    const bytes = signature.subarray(TIMESTAMP_SIZE);
    try {
      const checkpoint = parseCheckpoint(text);
      if (type !== KeyType.mlDsa44) {
        return ed25519.verify(bytes, cosignatureMessage(text, time), publicKey);
      }
      return ml_dsa44.verify(
        bytes,
        checkpointMessage(name, checkpoint, time),
        publicKey,
      );
    } catch {
      return false; // Not a checkpoint: nothing that a cosignature could be about.
    }
  }
  return { name, keyId, verify };
}

/** Makes cosignatures of one key; throws `SyntaxError` for a text that is no checkpoint. */
function cosigner(
  key: SignerKey,
  now: () => bigint,
  ed25519: Ed25519,
): NoteSigner {
  const { name, keyId, type, seed } = key;
  const secretKey = type === KeyType.mlDsa44 ? ml_dsa44.keygen(seed).secretKey : seed;
  function sign(text: string): Uint8Array {
    const checkpoint = parseCheckpoint(text);
    const time = now();
    const signature = type === KeyType.mlDsa44
      // FIPS 204's deterministic variant: there is no randomness in the core.
      ? ml_dsa44.sign(checkpointMessage(name, checkpoint, time), secretKey, {
        extraEntropy: false,
      })
      : ed25519.sign(cosignatureMessage(text, time), seed);
    return concat(uint64(time), signature);
  }
  return { name, keyId, sign };
}

/** The verifier of a key, by its type. */
export function verifierOf(
  key: VerifierKey,
  ed25519: Ed25519 = pureEd25519,
): NoteVerifier {
  return key.type === KeyType.ed25519
    ? ed25519Verifier(key, ed25519)
    : cosignatureVerifier(key, ed25519);
}

/**
 * The signer of a key, by its type.
 *
 * @param key The secret key.
 * @param now The time in POSIX seconds, for the types whose signature carries one.
 * @param ed25519 The implementation to sign with.
 */
export function signerOf(
  key: SignerKey,
  now: () => bigint,
  ed25519: Ed25519 = pureEd25519,
): NoteSigner {
  return key.type === KeyType.ed25519 ? ed25519Signer(key, ed25519) : cosigner(key, now, ed25519);
}
