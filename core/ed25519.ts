/**
 * Ed25519 as the formats use it: RFC 8032 with its strict verification, which is
 * what Go does. Programs that have a native implementation pass it as an
 * {@linkcode Ed25519}; the pure one serves the browser and everything else.
 *
 * @module
 */

import * as noble from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, equalBytes } from "./bytes.ts";

noble.hashes.sha512 = sha512;

/** Ed25519 (RFC 8032) over seeds of 32 and signatures of 64 bytes. */
export interface Ed25519 {
  /** The public key of a secret seed. */
  publicKey(seed: Uint8Array): Uint8Array;
  /** Signs; deterministic. */
  sign(message: Uint8Array, seed: Uint8Array): Uint8Array;
  /** Whether a signature is valid. Never throws: a malformed key or signature is not valid. */
  verify(
    signature: Uint8Array,
    message: Uint8Array,
    publicKey: Uint8Array,
  ): boolean;
}

/** The order of the base point. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toReversed().toHex()}`);
}

/** Ed25519 in TypeScript, without anything of the platform. */
export const pureEd25519: Ed25519 = {
  publicKey: (seed) => noble.getPublicKey(seed),
  sign: (message, seed) => noble.sign(message, seed),
  verify(signature, message, publicKey) {
    if (signature.length !== 64 || publicKey.length !== 32) return false;
    // noble's own `verify` multiplies both sides by the cofactor, so that whoever
    // holds a key can sign what it accepts and what Go and the platform refuse:
    // two verdicts on one checkpoint. This is their equation (RFC 8032 §5.1.7
    // without the cofactor): [S]B - [k]A, encoded, is R.
    const r = signature.subarray(0, 32);
    const s = littleEndian(signature.subarray(32));
    if (s >= ORDER) return false;
    let key: noble.Point;
    try {
      key = noble.Point.fromBytes(publicKey);
    } catch {
      return false; // Not a point of the curve, or not in its one encoding.
    }
    const k = littleEndian(sha512(concat(r, publicKey, message))) % ORDER;
    const computed = noble.Point.BASE.multiply(s, false)
      .subtract(key.multiply(k, false));
    return equalBytes(computed.toBytes(), r);
  },
};
