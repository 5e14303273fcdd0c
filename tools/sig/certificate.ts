/**
 * One OpenPGP certificate: a primary key, its user IDs and subkeys, and the signatures
 * by which the primary key says so. What does not verify is left out, and so is what
 * other keys say: anyone can append it, nothing here believes it, and it is how keys
 * are flooded.
 *
 * @module
 */

import { equalBytes } from "@indelible/core";
import {
  config as defaults,
  enums,
  type PublicKey,
  readKey,
  type SignaturePacket,
  type User,
} from "openpgp";

type Direct = { directSignatures: SignaturePacket[] };

/** The full fingerprint of a key or subkey, in capitals. */
export function fingerprintOf(key: { getFingerprint(): string }): string {
  return key.getFingerprint().toUpperCase();
}

/** A copy with what the primary key itself says, and nothing else. */
export async function cleanCertificate(certificate: PublicKey): Promise<PublicKey> {
  const key = await copyOf(certificate) as PublicKey & Direct;
  const { signature: type } = enums;
  const primary = key.keyPacket;
  const own = (signatures: SignaturePacket[], type: enums.signature, about: object) =>
    verifying(key, signatures, type, { key: primary, ...about });
  key.revocationSignatures = await own(key.revocationSignatures, type.keyRevocation, {});
  key.directSignatures = await own(key.directSignatures, type.key, {});
  for (const user of key.users) {
    const about = { userID: user.userID };
    user.selfCertifications = await own(user.selfCertifications, type.certGeneric, about);
    user.revocationSignatures = await own(user.revocationSignatures, type.certRevocation, about);
    user.otherCertifications = [];
  }
  for (const subkey of key.subkeys) {
    const about = { bind: subkey.keyPacket };
    subkey.bindingSignatures = await own(subkey.bindingSignatures, type.subkeyBinding, about);
    const revocations = subkey.revocationSignatures;
    subkey.revocationSignatures = await own(revocations, type.subkeyRevocation, about);
  }
  key.users = key.users.filter((user) => user.userID && user.selfCertifications.length > 0);
  key.subkeys = key.subkeys.filter((subkey) => subkey.bindingSignatures.length > 0);
  return await copyOf(key);
}

/**
 * The union of two certificates of one key. Nothing is replaced: the library's own
 * merge takes a newer binding signature of a subkey unseen, which would let anyone
 * break a key that is known here.
 */
export async function mergeCertificates(known: PublicKey, other: PublicKey): Promise<PublicKey> {
  const merged = await copyOf(known) as PublicKey & Direct;
  const source = await cleanCertificate(other) as PublicKey & Direct;
  addTo(merged.revocationSignatures, source.revocationSignatures);
  addTo(merged.directSignatures, source.directSignatures);
  for (const user of source.users) {
    const same = merged.users.find((one) => equalBytes(nameOf(one), nameOf(user)));
    if (same) {
      addTo(same.selfCertifications, user.selfCertifications);
      addTo(same.revocationSignatures, user.revocationSignatures);
    } else merged.users.push(user);
  }
  for (const subkey of source.subkeys) {
    const same = merged.subkeys.find((one) => fingerprintOf(one) === fingerprintOf(subkey));
    if (same) {
      addTo(same.bindingSignatures, subkey.bindingSignatures);
      addTo(same.revocationSignatures, subkey.revocationSignatures);
    } else merged.subkeys.push(subkey);
  }
  return await copyOf(merged); // Parsed anew: users and subkeys know their key.
}

async function verifying(
  { keyPacket }: PublicKey,
  signatures: readonly SignaturePacket[],
  type: enums.signature,
  about: object,
): Promise<SignaturePacket[]> {
  const anyTime = null as unknown as Date; // The library's types leave this value out.
  const own: SignaturePacket[] = [];
  for (const signature of signatures) {
    try {
      await signature.verify(keyPacket, type, about, anyTime, false, defaults);
      own.push(signature);
    } catch {
      // Not made by this key, or in a way that it could be made up.
    }
  }
  return own;
}

async function copyOf(key: PublicKey): Promise<PublicKey> {
  return await readKey({ binaryKey: key.write() });
}

function nameOf({ userID }: User): Uint8Array {
  return userID!.write() as Uint8Array;
}

function addTo(known: SignaturePacket[], others: readonly SignaturePacket[]): void {
  const bytes = known.map(bytesOf);
  for (const other of others) {
    if (!bytes.some((one) => equalBytes(one, bytesOf(other)))) known.push(other);
  }
}

function bytesOf(signature: SignaturePacket): Uint8Array {
  return signature.write() as Uint8Array;
}
