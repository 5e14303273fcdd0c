/**
 * Ed25519 by the platform's `node:crypto`: many times faster than the pure one,
 * for programs that sign or verify at every request. It accepts the same
 * signatures (RFC 8032, as OpenSSL checks them).
 *
 * @module
 */

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { Buffer } from "node:buffer";
import { concat } from "./bytes.ts";
import type { Ed25519 } from "./ed25519.ts";

// DER of PKCS #8 and SPKI up to where the 32 key bytes follow (RFC 8410).
const PKCS8 = Uint8Array.fromHex("302e020100300506032b657004220420");
const SPKI = Uint8Array.fromHex("302a300506032b6570032100");

const MAX_CACHED_KEYS = 256;

/** Remembers the platform's form of the keys used last: making one costs more than using it. */
function remembering(
  make: (key: Uint8Array) => KeyObject,
): (key: Uint8Array) => KeyObject {
  const made = new Map<string, KeyObject>();
  return (key) => {
    const text = key.toHex();
    let object = made.get(text);
    if (!object) {
      if (made.size >= MAX_CACHED_KEYS) made.delete(made.keys().next().value!);
      made.set(text, object = make(key));
    }
    return object;
  };
}

// The types ask for Node's Buffer, though any bytes are taken.
const der = (prefix: Uint8Array, key: Uint8Array) => concat(prefix, key) as unknown as Buffer;

const privateKey = remembering((seed) =>
  createPrivateKey({ key: der(PKCS8, seed), format: "der", type: "pkcs8" })
);
const publicKey = remembering((key) =>
  createPublicKey({ key: der(SPKI, key), format: "der", type: "spki" })
);

/** Ed25519 by the platform. */
export const nativeEd25519: Ed25519 = {
  publicKey(seed) {
    const spki = createPublicKey(privateKey(seed)).export({
      format: "der",
      type: "spki",
    });
    return new Uint8Array(spki).slice(-32);
  },
  sign: (message, seed) => new Uint8Array(sign(null, message, privateKey(seed))),
  verify(signature, message, key) {
    if (signature.length !== 64 || key.length !== 32) return false;
    try {
      return verify(null, message, publicKey(key), signature);
    } catch {
      return false; // Not a point of the curve.
    }
  },
};
