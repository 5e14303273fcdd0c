/**
 * Keys as text: vkeys and skeys (C2SP signed-note; skeys as in Go's
 * `sumdb/note`). A key is a name, a type and bytes; its ID ties the three
 * together, so one public key gets different IDs for different uses.
 *
 * @module
 */

import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";
import {
  concat,
  encodeBase64,
  encodeHex,
  equalBytes,
  excerpt,
  parseBase64,
  parseHex,
  utf8,
} from "./bytes.ts";
import { pureEd25519 } from "./ed25519.ts";
import { sha256 } from "./hash.ts";

/** Signature types of C2SP signed-note that the log uses. */
export const KeyType = {
  /** Ed25519 over the note's text. */
  ed25519: 0x01,
  /** Ed25519 checkpoint cosignature, `cosignature/v1`. */
  ed25519Cosignature: 0x04,
  /** ML-DSA-44 checkpoint or subtree cosignature, `subtree/v1`. */
  mlDsa44: 0x06,
} as const;

/** One of {@linkcode KeyType}. */
export type KeyType = typeof KeyType[keyof typeof KeyType];

const PUBLIC_KEY_SIZE: Readonly<Record<KeyType, number>> = {
  0x01: 32,
  0x04: 32,
  0x06: 1312,
};
const SEED_SIZE = 32;

/** A public key with its name: what a vkey says. */
export interface VerifierKey {
  /** Not empty, without white space and `+`. */
  readonly name: string;
  /** Eight lowercase hexadecimal digits. */
  readonly keyId: string;
  /** What kind of signature it checks. */
  readonly type: KeyType;
  /** 32 bytes for Ed25519, 1312 for ML-DSA-44. */
  readonly publicKey: Uint8Array;
}

/** A secret key: what an skey says. */
export interface SignerKey extends VerifierKey {
  /** 32 secret bytes that the key pair is derived from. */
  readonly seed: Uint8Array;
}

const KEY_NAME = /^[^\p{White_Space}+]+$/u;
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f]/;

/** Whether a text may name a key: not empty, no Unicode white space, no `+`. */
export function isKeyName(name: string): boolean {
  return KEY_NAME.test(name) && !CONTROL.test(name) && name.isWellFormed();
}

/** SHA-256(name ‖ LF ‖ type ‖ public key), its first four bytes in hexadecimal. */
export function keyId(
  name: string,
  type: number,
  publicKey: Uint8Array,
): string {
  const bytes = concat(utf8(name), Uint8Array.of(0x0a, type), publicKey);
  return encodeHex(sha256(bytes).subarray(0, 4));
}

/**
 * Makes a verifier key from its parts.
 *
 * @throws {SyntaxError} If the name cannot name a key.
 * @throws {RangeError} If the public key has the wrong length for its type.
 */
export function verifierKey(
  name: string,
  type: KeyType,
  publicKey: Uint8Array,
): VerifierKey {
  if (!isKeyName(name)) {
    throw new SyntaxError(
      `Cannot use key name: must be non-empty, without white space or "+": received "${
        excerpt(name)
      }"`,
    );
  }
  if (publicKey.length !== PUBLIC_KEY_SIZE[type]) {
    throw new RangeError(
      `Cannot use public key: a type ${type} key has ${
        PUBLIC_KEY_SIZE[type]
      } bytes, not ${publicKey.length}`,
    );
  }
  return { name, type, publicKey, keyId: keyId(name, type, publicKey) };
}

/**
 * Makes a signer key from its secret seed.
 *
 * @throws {SyntaxError} If the name cannot name a key.
 * @throws {RangeError} If the seed is not 32 bytes.
 */
export function signerKey(
  name: string,
  type: KeyType,
  seed: Uint8Array,
): SignerKey {
  if (seed.length !== SEED_SIZE) {
    throw new RangeError(
      `Cannot use secret key: the seed has 32 bytes, not ${seed.length}`,
    );
  }
  const publicKey = type === KeyType.mlDsa44
    ? ml_dsa44.keygen(seed).publicKey
    : pureEd25519.publicKey(seed);
  return { ...verifierKey(name, type, publicKey), seed };
}

/** The same key pair under another signature type, and so with another key ID. */
export function withKeyType<K extends VerifierKey>(key: K, type: KeyType): K {
  return { ...key, ...verifierKey(key.name, type, key.publicKey) };
}

/** The vkey of a key: `name+keyID+base64(type ‖ public key)`. */
export function formatVkey(
  { name, keyId, type, publicKey }: VerifierKey,
): string {
  return `${name}+${keyId}+${encodeBase64(concat(Uint8Array.of(type), publicKey))}`;
}

/** The skey of a key: `PRIVATE+KEY+name+keyID+base64(type ‖ seed)`. A secret. */
export function formatSkey({ name, keyId, type, seed }: SignerKey): string {
  return `PRIVATE+KEY+${name}+${keyId}+${encodeBase64(concat(Uint8Array.of(type), seed))}`;
}

/**
 * Parses a vkey of type 0x01, 0x04 or 0x06.
 *
 * @throws {SyntaxError} If the text is malformed, of another type, or its key ID
 *   does not belong to its name and key.
 */
export function parseVkey(vkey: string): VerifierKey {
  const fields = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/su.exec(vkey);
  if (!fields) throw malformed("vkey", 'must be "name+keyID+base64"', vkey);
  const [, name, id, encoded] = fields as unknown as [
    string,
    string,
    string,
    string,
  ];
  const bytes = parseBase64(encoded);
  const key = fromParts(
    "vkey",
    bytes,
    (type) => verifierKey(name, type, bytes.subarray(1)),
  );
  return sameId(key, id, "vkey");
}

/**
 * Parses an skey of type 0x01, 0x04 or 0x06. Messages never repeat the secret.
 *
 * @throws {SyntaxError} If the text is malformed, of another type, or its key ID
 *   does not belong to its name and key.
 */
export function parseSkey(skey: string): SignerKey {
  const fields = /^PRIVATE\+KEY\+([^+]*)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]*)$/su
    .exec(skey);
  if (!fields) {
    throw malformed("skey", 'must be "PRIVATE+KEY+name+keyID+base64"');
  }
  const [, name, id, encoded] = fields as unknown as [
    string,
    string,
    string,
    string,
  ];
  let bytes: Uint8Array;
  try {
    bytes = parseBase64(encoded);
  } catch {
    throw malformed("skey", "its last part must be base64");
  }
  const key = fromParts(
    "skey",
    bytes,
    (type) => signerKey(name, type, bytes.subarray(1)),
  );
  return sameId(key, id, "skey");
}

function fromParts<K>(
  what: string,
  bytes: Uint8Array,
  make: (type: KeyType) => K,
): K {
  const type = bytes[0];
  if (type !== 0x01 && type !== 0x04 && type !== 0x06) {
    throw malformed(what, "the key type must be 0x01, 0x04 or 0x06");
  }
  try {
    return make(type);
  } catch (error) {
    throw malformed(what, (error as Error).message);
  }
}

function sameId<K extends VerifierKey>(key: K, id: string, what: string): K {
  if (equalBytes(parseHex(id), parseHex(key.keyId))) return key;
  throw malformed(
    what,
    `key ID ${id} does not belong to this name and key, expected ${key.keyId}`,
  );
}

function malformed(what: string, why: string, received?: string): SyntaxError {
  const tail = received === undefined ? "" : `: received "${excerpt(received)}"`;
  return new SyntaxError(`Cannot parse ${what}: ${why}${tail}`);
}
