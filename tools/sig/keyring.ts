/**
 * Public keys, as OpenPGP certificates: parsed, merged, looked up by fingerprint. The
 * keyring's file is GnuPG's old format, certificates one after the other, so that the
 * original reads ours.
 *
 * A certificate only gains signatures here, so what revokes a key is never forgotten;
 * and only those that it made itself and that verify (`certificate.ts`).
 *
 * @module
 */

import { concat, equalBytes, excerpt } from "@indelible/core";
import { type PublicKey, readKeys } from "openpgp";
import { cleanCertificate, fingerprintOf, mergeCertificates } from "./certificate.ts";
import { chooseKey, shortId } from "./key_id.ts";

/** The most bytes that a published key, or a keyring, may have. */
export const MAX_KEYS = 4 << 20;

const ARMOR = /^\s*-----BEGIN PGP PUBLIC KEY BLOCK-----/;
const KEYBOX_MAGIC = new TextEncoder().encode("KBXf");
const KEYBOX_MAGIC_AT = 8;

/** Public keys by full fingerprint; a value, each change makes a new one. */
export class Keyring {
  readonly #keys: ReadonlyMap<string, PublicKey>;

  private constructor(keys: ReadonlyMap<string, PublicKey>) {
    this.#keys = keys;
  }

  /** A keyring without keys. */
  static readonly empty: Keyring = new Keyring(new Map());

  /**
   * Parses certificates, binary or armored.
   *
   * @throws {SyntaxError} If they are malformed.
   */
  static async parse(bytes: Uint8Array): Promise<Keyring> {
    let ring = Keyring.empty;
    for (const key of await parseKeys(bytes)) ring = await ring.with(key);
    return ring;
  }

  /** Full fingerprints of the keys. */
  get fingerprints(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** The certificate whose primary key or subkey has a full fingerprint, or `null`. */
  get(fingerprint: string): PublicKey | null {
    const primary = this.#keys.get(fingerprint);
    if (primary) return primary;
    for (const key of this.#keys.values()) {
      if (key.subkeys.some((subkey) => fingerprintOf(subkey) === fingerprint)) return key;
    }
    return null;
  }

  /**
   * The full fingerprint that a key ID names.
   *
   * @throws {Error} If it names no key, or more than one.
   */
  find(id: string): string {
    return chooseKey(id, this.#keys.keys(), "in the keyring");
  }

  /** The keyring with a key, merged into what is known of it. */
  async with(key: PublicKey): Promise<Keyring> {
    const fingerprint = fingerprintOf(key);
    const known = this.#keys.get(fingerprint);
    const merged = known ? await mergeCertificates(known, key) : await cleanCertificate(key);
    return new Keyring(new Map([...this.#keys, [fingerprint, merged]]));
  }

  /** The bytes of the keyring's file. */
  bytes(): Uint8Array<ArrayBuffer> {
    return concat(...[...this.#keys.values()].map((key) => key.write()));
  }
}

/** A key for people: `[B32780D9] Dev Test Key <test@demo.com>`, safe to show. */
export async function describeKey(key: PublicKey): Promise<string> {
  return `${shortId(fingerprintOf(key))} ${excerpt(await userOf(key), 200)}`;
}

/** The user ID that the key itself certifies; anyone can write another beside it. */
async function userOf(key: PublicKey): Promise<string> {
  try {
    const anyTime = null as unknown as Date; // An expired key still has its name.
    const { user } = await key.getPrimaryUser(anyTime);
    return user.userID!.userID;
  } catch {
    return "(no valid user ID)";
  }
}

/** Whether bytes are a keybox, which GnuPG 2.1 makes of a new keyring, and only it reads. */
export function isKeybox(bytes: Uint8Array): boolean {
  const magic = bytes.subarray(KEYBOX_MAGIC_AT, KEYBOX_MAGIC_AT + KEYBOX_MAGIC.length);
  return equalBytes(magic, KEYBOX_MAGIC);
}

async function parseKeys(bytes: Uint8Array): Promise<PublicKey[]> {
  if (bytes.length === 0) return [];
  const text = new TextDecoder().decode(bytes);
  let keys;
  try {
    keys = ARMOR.test(text)
      ? await readKeys({ armoredKeys: text })
      : await readKeys({ binaryKeys: bytes });
  } catch (error) {
    throw new SyntaxError(`Cannot parse keys: ${excerpt((error as Error).message, 200)}`);
  }
  if (keys.some((key) => key.isPrivate())) {
    throw new SyntaxError("Cannot parse keys: a private key is among them, expected public ones");
  }
  return keys.filter((key) => /^[0-9A-F]{40}$/.test(fingerprintOf(key)));
}
